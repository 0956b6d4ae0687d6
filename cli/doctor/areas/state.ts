/** Where the stack's state is kept: the backend, and the passphrase of the state's secrets. */
import { createDecipheriv, pbkdf2 } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { ObjectStore } from "../../../clients/s3/store.ts";
import { CannotCheck, type Check, type Observation, type Problem, required } from "../../../lib/check.ts";
import { messageOf } from "../../../lib/message-of.ts";
import { readStackFile } from "../../stack/config.ts";
import { backendDirectory } from "../../stack/outputs.ts";
import { type DoctorContext, runProgram } from "../context.ts";

const REMEDY = "correct PULUMI_BACKEND_URL, or log in to Pulumi Cloud: tools/pulumi login";

/** Whether this account can write files where the state is kept. */
function directoryProblems(directory: string): Problem[] {
  const why = "a run writes the state after each change, and could not record what it made";
  if (!existsSync(directory) || !statSync(directory).isDirectory())
    return [{ what: `the state's directory ${directory} does not exist`, why, fix: `mkdir -p ${directory}` }];
  const probe = path.join(directory, `.doctor-${process.pid}`);
  try {
    accessSync(directory, constants.W_OK);
    writeFileSync(probe, "", { mode: 0o600 });
    return [];
  } catch (error) {
    const fix = `chown $(id -un) ${directory}, and make room on its disk`;
    return [{ what: `the state's directory ${directory} cannot be written: ${messageOf(error)}`, why, fix }];
  } finally {
    rmSync(probe, { force: true });
  }
}

/** Bucket, prefix and endpoint of `s3://BUCKET/PREFIX?endpoint=…&region=…` (Pulumi, "State and backends"). */
function s3Backend(url: string): { bucket: string; prefix: string; endpoint: string; region: string } {
  const { hostname, pathname, searchParams } = new URL(url);
  const region = searchParams.get("region") ?? "us-east-1";
  const endpoint = searchParams.get("endpoint") ?? `https://s3.${region}.amazonaws.com`;
  return {
    bucket: hostname,
    prefix: pathname.replace(/^\/|\/$/g, ""),
    endpoint: /^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`,
    region,
  };
}

async function bucketProblems(url: string, env: NodeJS.ProcessEnv): Promise<Problem[]> {
  const { bucket, prefix, endpoint, region } = s3Backend(url);
  const store = new ObjectStore({
    endpoint,
    region,
    keyId: required(env, "AWS_ACCESS_KEY_ID"),
    secret: required(env, "AWS_SECRET_ACCESS_KEY"),
    timeoutSeconds: 15,
  });
  try {
    await store.tryWriting(bucket, `${prefix === "" ? "" : `${prefix}/`}.pulumi/doctor-${process.pid}`);
    return [];
  } catch (error) {
    return [
      {
        what: `the state's bucket ${bucket} cannot be written: ${messageOf(error)}`,
        why: "a run records in it what it makes",
        fix: "make the bucket, and give the key listFiles, readFiles, writeFiles and deleteFiles; or correct PULUMI_BACKEND_URL",
      },
    ];
  } finally {
    store.close();
  }
}

async function backendProblems({ env }: DoctorContext): Promise<Observation[]> {
  const url = env["PULUMI_BACKEND_URL"];
  const directory = backendDirectory(url);
  if (directory !== undefined) return directoryProblems(directory);
  if (url?.startsWith("s3://")) return bucketProblems(url, env);
  const { exitCode, stderr } = await runProgram([
    "pulumi",
    "whoami",
    "--non-interactive",
    "--color",
    "never",
  ]);
  if (exitCode === 0) return [];
  return [
    {
      what: `the state's backend does not accept this login: ${stderr.trim().split("\n").at(-1)}`,
      why: "no run can begin without the state",
      fix: REMEDY,
    },
  ];
}

/** Rounds and sizes of Pulumi's passphrase secrets. Source: pulumi/pulumi, sdk/go/common/resource/config/crypt.go. */
const ROUNDS = 1_000_000;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const CHECK_TEXT = "pulumi";

const derive = promisify(pbkdf2);

/**
 * Whether a passphrase is that of a stack's salt (`encryptionsalt: v1:SALT:v1:NONCE:TEXT` in its file).
 * @throws Error when the salt has another form
 */
async function isPassphraseOf(salt: string, passphrase: string): Promise<boolean> {
  const [, salted = "", nonce = "", text = ""] = /^v1:([^:]+):v1:([^:]+):([^:]+)$/.exec(salt) ?? [];
  if (text === "") throw new Error("unknown form of encryptionsalt");
  const bytes = (part: string) => Buffer.from(part, "base64");
  const key = await derive(passphrase, bytes(salted), ROUNDS, KEY_BYTES, "sha256");
  const cipher = createDecipheriv("aes-256-gcm", key, bytes(nonce));
  cipher.setAuthTag(bytes(text).subarray(-TAG_BYTES));
  try {
    const plain = Buffer.concat([cipher.update(bytes(text).subarray(0, -TAG_BYTES)), cipher.final()]);
    return plain.toString() === CHECK_TEXT;
  } catch {
    return false;
  }
}

function passphraseOf(env: NodeJS.ProcessEnv): string | undefined {
  const file = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
  if (env["PULUMI_CONFIG_PASSPHRASE"] !== undefined) return env["PULUMI_CONFIG_PASSPHRASE"];
  if (!file) return undefined;
  if (!existsSync(file))
    throw new CannotCheck(`PULUMI_CONFIG_PASSPHRASE_FILE names ${file}, which does not exist`);
  return readFileSync(file, "utf8").trim();
}

async function passphraseProblems({ env, stack }: DoctorContext): Promise<Observation[]> {
  const url = env["PULUMI_BACKEND_URL"];
  // Pulumi Cloud keeps the key of its stacks' secrets itself.
  if (url === undefined || /^https?:/.test(url)) return [];
  const passphrase = passphraseOf(env);
  const why = "the state's secrets, such as the hosts' private keys, are encrypted with it";
  if (passphrase === undefined) {
    return [
      {
        what: "PULUMI_CONFIG_PASSPHRASE is not set",
        why,
        fix: "set it, for example to a reference that op run resolves",
      },
    ];
  }
  const salt = readStackFile(stack)?.encryptionsalt;
  // The first run writes the salt.
  if (salt === undefined || (await isPassphraseOf(salt, passphrase))) return [];
  return [
    {
      what: `PULUMI_CONFIG_PASSPHRASE is not the passphrase of ${path.basename(stack.file)}`,
      why,
      fix: "set the passphrase with which the stack was made",
    },
  ];
}

export function stateChecks(context: DoctorContext): Check[] {
  return [
    { name: "backend", run: () => backendProblems(context) },
    { name: "passphrase", run: () => passphraseProblems(context) },
  ];
}
