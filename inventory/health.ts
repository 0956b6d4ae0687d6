import * as z from "zod";
import { camelKeys, label } from "./primitives.ts";

const timeout = (seconds: number) =>
  z.int().positive().max(60).default(seconds).describe("seconds one attempt may take");

const checkName = label.describe("what reports call the check");
/** One check of a service is called like the service; of several, each has a name of its own. */
const serviceCheckName = checkName.optional().describe("what reports call the check; the service's name");

const http = {
  kind: z.literal("http"),
  url: z.url({ protocol: /^https?$/ }).describe("asked from the host itself"),
  status: z.int().min(100).max(599).default(200).describe("status that the answer must have"),
  body: z.string().optional().describe("text that the answer must contain"),
  timeout_seconds: timeout(5),
};
const tcp = {
  kind: z.literal("tcp"),
  address: z
    .string()
    .regex(/^[^\s:]+:\d{1,5}$/, 'use "host:port"')
    .describe("host:port that must accept a connection, seen from the host"),
  timeout_seconds: timeout(5),
};
const unit = {
  kind: z.literal("unit"),
  unit: z
    .string()
    .regex(/^[A-Za-z0-9@_.\\:-]+\.(service|socket|target|timer|mount|path)$/, "not a systemd unit name")
    .describe("systemd unit that must be active"),
  timeout_seconds: timeout(5),
};
const command = {
  kind: z.literal("command"),
  command: z
    .string()
    .min(1)
    .regex(/^[^\t\n]+$/, "one line, without tabs")
    .describe("shell command that must exit 0, run as root on the host"),
  timeout_seconds: timeout(10),
};

/** A check of a host: what must hold before a new system is kept. */
export const healthCheck = z
  .discriminatedUnion("kind", [
    z.strictObject({ name: checkName, ...http }),
    z.strictObject({ name: checkName, ...tcp }),
    z.strictObject({ name: checkName, ...unit }),
    z.strictObject({ name: checkName, ...command }),
  ])
  .transform(camelKeys);

const path = z.string().startsWith("/", 'a path begins with "/"');

/** A check of a service: as of a host, with the service's own port where no other is given. */
const serviceCheck = z
  .discriminatedUnion("kind", [
    z.strictObject({
      name: serviceCheckName,
      ...http,
      url: http.url.optional().describe("asked from the host itself, instead of `path`"),
      path: path.default("/").describe("path at the service's own port"),
    }),
    z.strictObject({
      name: serviceCheckName,
      ...tcp,
      address: tcp.address.optional().describe("host:port; the service's own port on its host"),
    }),
    z.strictObject({ name: serviceCheckName, ...unit }),
    z.strictObject({ name: serviceCheckName, ...command }),
  ])
  .transform(camelKeys);

/** A path, one check, or a list of them. */
export const serviceHealth = z.union([path, serviceCheck, z.array(serviceCheck).min(1)], {
  error: (issue) => serviceHealthMessage(issue.input),
});

/** zod only says that no form fits: what is wrong in the one that was meant is said here. */
function serviceHealthMessage(input: unknown): string | undefined {
  const form =
    typeof input === "string" ? path : Array.isArray(input) ? z.array(serviceCheck).min(1) : serviceCheck;
  const [issue] = form.safeParse(input).error?.issues ?? [];
  if (issue === undefined) return undefined;
  const where = issue.path.map(String).join(".");
  const unknown = issue.code === "unrecognized_keys" ? `unknown key ${issue.keys.join(", ")}` : issue.message;
  return where === "" ? unknown : `${where}: ${unknown}`;
}

export type ServiceHealth = z.infer<typeof serviceHealth>;

/** Names under which the checks of a service report. */
export function checkNames(service: string, health: ServiceHealth | undefined): string[] {
  if (health === undefined) return [];
  if (typeof health === "string") return [service];
  return (Array.isArray(health) ? health : [health]).map((check) => check.name ?? service);
}
