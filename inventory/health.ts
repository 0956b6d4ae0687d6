import * as z from "zod";
import { camelKeys, label } from "./primitives.ts";

const timeout = (seconds: number) =>
  z.int().positive().max(60).default(seconds).describe("seconds that one attempt may take");

const checkName = label.describe("name of the check in reports");
/** A single check of a service has the service's name; several checks need names of their own. */
const serviceCheckName = checkName
  .optional()
  .describe("name of the check in reports; without it the service's name");

const http = {
  kind: z.literal("http"),
  url: z.url({ protocol: /^https?$/ }).describe("requested from the host itself"),
  status: z.int().min(100).max(599).default(200).describe("required status of the response"),
  body: z.string().optional().describe("text that the response must contain"),
  timeout_seconds: timeout(5),
};
const tcp = {
  kind: z.literal("tcp"),
  address: z
    .string()
    .regex(/^[^\s:]+:\d{1,5}$/, 'use "host:port"')
    .describe("host:port that must accept a connection from the host"),
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

/** A check of a host. It must pass before a new system is kept. */
export const healthCheck = z
  .discriminatedUnion("kind", [
    z.strictObject({ name: checkName, ...http }),
    z.strictObject({ name: checkName, ...tcp }),
    z.strictObject({ name: checkName, ...unit }),
    z.strictObject({ name: checkName, ...command }),
  ])
  .transform(camelKeys);

const path = z.string().startsWith("/", 'a path begins with "/"');

/** A check of a service: like a check of a host, at the service's port by default. */
const serviceCheck = z
  .discriminatedUnion("kind", [
    z.strictObject({
      name: serviceCheckName,
      ...http,
      url: http.url.optional().describe("requested from the host itself, instead of `path`"),
      path: path.default("/").describe("path at the service's own port"),
    }),
    z.strictObject({
      name: serviceCheckName,
      ...tcp,
      address: tcp.address.optional().describe("host:port; without it the service's port on its host"),
    }),
    z.strictObject({ name: serviceCheckName, ...unit }),
    z.strictObject({ name: serviceCheckName, ...command }),
  ])
  .transform(camelKeys);

/** A path, one check, or a list of them. */
export const serviceHealth = z.union([path, serviceCheck, z.array(serviceCheck).min(1)], {
  error: (issue) => serviceHealthMessage(issue.input),
});

/** The problem of the form that was probably meant. zod only reports that no form matches. */
function serviceHealthMessage(input: unknown): string | undefined {
  const form =
    typeof input === "string" ? path : Array.isArray(input) ? z.array(serviceCheck).min(1) : serviceCheck;
  const [issue] = form.safeParse(input).error?.issues ?? [];
  if (issue === undefined) return undefined;
  const where = issue.path.map(String).join(".");
  const unknown =
    issue.code === "unrecognized_keys"
      ? `unknown key ${issue.keys.join(", ")}; see docs/inventory.md`
      : issue.message;
  return where === "" ? unknown : `${where}: ${unknown}`;
}

export type ServiceHealth = z.infer<typeof serviceHealth>;

/** Names of a service's checks in reports. */
export function checkNames(service: string, health: ServiceHealth | undefined): string[] {
  if (health === undefined) return [];
  if (typeof health === "string") return [service];
  return (Array.isArray(health) ? health : [health]).map((check) => check.name ?? service);
}
