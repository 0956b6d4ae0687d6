/** The inventory of a new fleet, as text. */
import type { Answers, HostAnswer } from "./answers.ts";

const text = (value: string): string => JSON.stringify(value);
const list = (values: readonly string[]): string => `[${values.map(text).join(", ")}]`;

/** Lines of a table, with an empty one before it. */
const table = (name: string, lines: readonly string[]): string => ["", `[${name}]`, ...lines, ""].join("\n");

/** `{ kind = "…", key = "…" }` */
const inline = (entries: readonly (readonly [key: string, value: string | undefined])[]): string =>
  `{ ${entries.flatMap(([key, value]) => (value === undefined ? [] : [`${key} = ${text(value)}`])).join(", ")} }`;

const providerText = (host: HostAnswer, hostKeys: Answers["hostKeys"]): string =>
  host.kind === "created"
    ? inline([["kind", host.provider], ...Object.entries(host.settings)])
    : inline([
        ["kind", host.kind],
        ["vendor", host.vendor],
        ["address", host.address],
        ["host_key", hostKeys[host.name]],
      ]);

function hostTable(host: HostAnswer, { stack, hostKeys }: Answers): string {
  const storage = host.kind === "created" ? host.storage : undefined;
  return table(`hosts.${host.name}`, [
    `environment = ${text(stack)}`,
    'profiles = ["server"]',
    `provider = ${providerText(host, hostKeys)}`,
    ...(storage === undefined ? [] : [`storage = ${inline(Object.entries(storage))}`]),
  ]);
}

function bucketTables({ stack, bucketPrefix }: Answers): string[] {
  const bucket = (purpose: string, days: number) =>
    table(`buckets.${purpose}`, [
      `environment = ${text(stack)}`,
      `purpose = ${text(purpose)}`,
      `name = ${text(`${bucketPrefix}-${purpose}`)}`,
      `noncurrent_days = ${days}`,
    ]);
  return [bucket("cache", 1), bucket("backups", 30)];
}

/** The whole file. What it says of keys and addresses is public; secrets are references to 1Password. */
export function fleetText(answers: Answers): string {
  const { stack, domain, vault, deployKeys, signingKey, sources, address, zone, region, tailnet, hosts } =
    answers;
  return [
    "# The fleet: the only description of hosts, services, names, buckets and roles.\n",
    "# docs/inventory.md explains every key; tools/pantheros doctor checks what a run needs.\n",
    "schema = 1\n",
    table("fleet", [`domain = ${text(domain)}`, `vault = ${text(vault)}`]),
    table(`environments.${stack}`, [
      "# The stack with the records of the zone's apex and the tailnet's policy.",
      "owns_singletons = true",
      // The policy asks for it, and a stack of another name is easier to remove.
      ...(stack === "production" ? ["protect = true"] : []),
    ]),
    table("deploy", [
      "# Networks that may reach sshd while a server is installed.",
      `sources = ${list(sources)}`,
      `authorized_keys = ${list(deployKeys)}`,
      `address = ${text(address)}`,
    ]),
    table("cache", [
      "# The public half of the key that signs what is deployed.",
      `public_key = ${text(signingKey)}`,
    ]),
    ...hosts.map((host) => hostTable(host, answers)),
    ...(zone === undefined ? [] : [table("dns", [`zone = ${text(zone)}`, 'caa = ["letsencrypt.org"]'])]),
    ...(region === undefined
      ? []
      : [table("storage", [`region = ${text(region)}`]), ...bucketTables(answers)]),
    ...(tailnet === undefined
      ? []
      : [
          table("tailnet", [`name = ${text(tailnet.name)}`, `suffix = ${text(tailnet.suffix)}`]),
          table("tailnet.groups", [`admins = ${list(tailnet.admins)}`]),
        ]),
    table("secrets.opnix-token", [
      "# Each host's own 1Password service account, which reads the hosts' vault only.",
      `reference = ${text(`op://${vault}/{host} service account/credential`)}`,
    ]),
  ].join("");
}
