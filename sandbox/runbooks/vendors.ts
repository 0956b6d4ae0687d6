/** What breaks and checks do at the emulated vendors, through their APIs. No token is in a command line. */
import { join } from "node:path";
import * as z from "zod";
import { RUNNER_ADDRESS } from "../network/plan.ts";
import { waitFor } from "../processes/wait.ts";
import type { World } from "./types.ts";

const DELETION_SECONDS = 60;

const at = (port: number, path: string): string => `http://${RUNNER_ADDRESS}:${port}${path}`;

interface Request {
  readonly method: "GET" | "DELETE";
  readonly url: string;
  readonly token: string;
}

/** curl's configuration, which it reads from standard input. */
const configuration = ({ method, url, token }: Request): string =>
  `request = "${method}"\nurl = "${url}"\nheader = "authorization: Bearer ${token}"\n`;

/** The body of the answer. @throws Error when the request fails */
async function request(world: World, wanted: Request): Promise<string> {
  const argv = ["curl", "-sS", "--fail", "--max-time", "60", "--config", "-"];
  const { code, stdout, stderr } = await world.read(argv, configuration(wanted));
  if (code !== 0) throw new Error(`${wanted.method} ${wanted.url}: ${stderr.trim()}`);
  return stdout;
}

const serversApi = (world: World, method: Request["method"], path: string): Promise<string> =>
  request(world, { method, url: at(8001, `/v1${path}`), token: world.secret("HCLOUD_TOKEN") });

const servers = z.object({ servers: z.array(z.object({ id: z.int(), status: z.string() })) });

/** A server at the emulated Hetzner. */
export async function serverNamed(
  world: World,
  name: string,
): Promise<{ readonly id: number; readonly status: string } | undefined> {
  return servers.parse(JSON.parse(await serversApi(world, "GET", `/servers?name=${name}`))).servers[0];
}

/**
 * Deletes a server with its disk, as a person may by mistake in the console. The vendor answers before the server is
 * gone, so this waits for its end: a refresh that comes earlier would still see it.
 */
export async function deleteServer(world: World, { id, name }: { id: number; name: string }): Promise<void> {
  await serversApi(world, "DELETE", `/servers/${id}`);
  const gone = async () => ((await serverNamed(world, name))?.id === id ? undefined : true);
  if ((await waitFor(DELETION_SECONDS, gone)) === undefined)
    throw new Error(`server ${name}: not deleted after ${DELETION_SECONDS} s`);
}

/** Whether the emulated 1Password accepts a service account's token. */
export async function acceptsAccount(world: World, token: string, reference: string): Promise<boolean> {
  const url = at(8004, `/v1/secret?reference=${encodeURIComponent(reference)}`);
  const config = configuration({ method: "GET", url, token });
  const argv = ["curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}", "--config", "-"];
  const { code, stdout, stderr } = await world.read(argv, config);
  if (code !== 0) throw new Error(`1Password does not answer: ${stderr.trim()}`);
  return stdout.trim() !== "401";
}

/** What is done with the objects of a bucket at the emulated B2. */
type BucketJob =
  | { readonly what: "empty"; readonly bucket: string }
  | { readonly what: "download" | "upload"; readonly bucket: string; readonly directory: string };

/** The region of the sandbox's object storage. */
const REGION = "eu-central-003";

/** Empties a bucket, as a person may by mistake in the console, or copies its objects to a directory or back. */
export async function doBucketJob(world: World, job: BucketJob): Promise<void> {
  const program = join(import.meta.dirname, "bucket-job.ts");
  const account = {
    endpoint: at(9000, ""),
    region: REGION,
    accessKeyId: world.secret("AWS_ACCESS_KEY_ID"),
    secretAccessKey: world.secret("AWS_SECRET_ACCESS_KEY"),
  };
  const { code, stderr } = await world.read(
    [process.execPath, program],
    JSON.stringify({ ...account, ...job }),
  );
  if (code !== 0) throw new Error(`bucket ${job.bucket}: ${job.what}: ${stderr.trim()}`);
}
