/**
 * The rack: an HTTP API whose slots hold machines of the sandbox, or of another `createCompute`.
 * `node emulator.ts --dir DIR --name NAME --listen ADDRESS --port PORT --compute-module FILE`, with
 * RACK_TOKEN in the environment. Prints `ready`.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import * as z from "zod";
import { messageOf } from "../../../lib/message-of.ts";
import type { Compute, CreateCompute, FirewallRule } from "../../../sandbox/vendors/compute.ts";

const rules = z.array(
  z.object({ protocol: z.enum(["tcp", "icmp"]), port: z.string().optional(), sources: z.array(z.string()) }),
);
const machine = z.object({
  hostname: z.string(),
  address: z.string(),
  userData: z.string(),
  authorizedKeys: z.array(z.string()),
  rules,
});
const ssh = z.object({ ports: z.array(z.number()), sources: z.array(z.string()) });

interface Held extends z.infer<typeof machine> {
  /** Rule beside `rules` while the machine is installed. */
  readonly ssh?: z.infer<typeof ssh>;
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const { values } = parseArgs({
  options: {
    dir: { type: "string", default: "." },
    name: { type: "string", default: "rack" },
    listen: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8010" },
    "compute-module": { type: "string", default: "sandbox/machines/compute.ts" },
  },
});
const token = process.env["RACK_TOKEN"] ?? "";
if (token === "") throw new Error("RACK_TOKEN is not set");
const { createCompute } = (await import(pathToFileURL(resolve(values["compute-module"])).href)) as {
  createCompute: CreateCompute;
};
const compute: Compute = await createCompute(values.dir, values.name);

const file = join(values.dir, "vendors", "rack.json");
const slots = new Map<string, Held>(
  existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as [string, Held][]) : [],
);
function save(): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, JSON.stringify([...slots]), { mode: 0o600 });
  renameSync(`${file}.part`, file);
}

function filterOf({ rules: own, ssh: opened }: Held): FirewallRule[] {
  const temporary =
    opened?.ports.map((port) => ({
      protocol: "tcp" as const,
      port: String(port),
      sources: opened.sources,
    })) ?? [];
  return [...own, ...temporary].map(({ protocol, port, sources }) => ({
    direction: "in",
    protocol,
    ...(port !== undefined && { port }),
    addresses: sources,
  }));
}

async function create(slot: string, held: Held): Promise<void> {
  await compute.create({
    id: Number(slot),
    name: held.hostname,
    ipv4: held.address,
    authorizedKeys: held.authorizedKeys,
    userData: held.userData,
    firewall: filterOf(held),
  });
}

/** Changes the rules of a machine. */
async function change(slot: string, held: Held): Promise<object> {
  slots.set(slot, held);
  save();
  await compute.applyFirewall(held.hostname, filterOf(held));
  return {};
}

/** What each request does; a request with the same effect may be repeated. */
const ACTIONS: Readonly<Record<string, (slot: string, held: Held, body: unknown) => Promise<object>>> = {
  "PUT rules": (slot, held, body) => change(slot, { ...held, ...z.object({ rules }).parse(body) }),
  "PUT ssh": (slot, held, body) => change(slot, { ...held, ssh: ssh.parse(body) }),
  "DELETE ssh": (slot, { ssh: _closed, ...held }) => change(slot, held),
  "POST power-on": async (_, { hostname }) => {
    await compute.powerOn(hostname);
    return {};
  },
  "POST rebuild": async (slot, held) => {
    await compute.delete(held.hostname);
    await create(slot, held);
    return {};
  },
};

async function answerTo(method: string, path: string, body: unknown): Promise<object> {
  const [, collection, slot = "", action = ""] = path.split("/");
  if (collection === "prices") return { prices: { half: { cellar: 3.5, attic: 4 }, full: { cellar: 6 } } };
  if (collection !== "slots") throw new Refused(404, `no such path: ${path}`);
  const held = slots.get(slot);
  if (slot === "" && method === "GET") {
    const all = [...slots].map(async ([key, { hostname }]) => ({
      slot: Number(key),
      hostname,
      power: await compute.status(hostname).catch(() => "missing" as const),
    }));
    return { slots: await Promise.all(all) };
  }
  if (action === "" && method === "PUT") {
    const wanted = machine.parse(body);
    if (held !== undefined && held.hostname !== wanted.hostname)
      throw new Refused(409, `slot ${slot} holds ${held.hostname}`);
    slots.set(slot, held ?? wanted);
    save();
    await create(slot, held ?? wanted);
    return {};
  }
  if (held === undefined) throw new Refused(404, `slot ${slot} is empty`);
  if (action === "" && method === "DELETE") {
    await compute.delete(held.hostname);
    slots.delete(slot);
    save();
    return {};
  }
  const run = ACTIONS[`${method} ${action}`];
  if (run === undefined) throw new Refused(404, `no such request: ${method} ${path}`);
  return run(slot, held, body);
}

async function handle(request: IncomingMessage): Promise<object> {
  if (request.headers.authorization !== `Bearer ${token}`) throw new Refused(401, "wrong token");
  const body = await text(request);
  return answerTo(request.method ?? "", request.url ?? "", body === "" ? {} : JSON.parse(body));
}

const server = createServer((request, response) => {
  handle(request).then(
    (answer) => response.end(JSON.stringify(answer)),
    (error: unknown) => {
      response.statusCode = error instanceof Refused ? error.status : 500;
      response.end(JSON.stringify({ message: messageOf(error) }));
    },
  );
});
server.listen(Number(values.port), values.listen, () => console.log("ready"));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
