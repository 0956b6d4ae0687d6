import { quoted } from "../../lib/sanitize.ts";
import { table } from "../../lib/table.ts";
import type { HostOutputs, StackOutputs } from "../../outputs/contract.ts";

/** `3/3 ok`, or the checks that failed. */
export function healthText(health: HostOutputs["health"]): string {
  if (health.length === 0) return "-";
  const failed = health.filter((check) => !check.ok).map((check) => check.name);
  return failed.length === 0 ? `${health.length}/${health.length} ok` : `failed: ${failed.join(", ")}`;
}

function hostRow(name: string, host: HostOutputs): readonly string[] {
  return [
    name,
    host.addresses.ipv4 ?? host.addresses.ipv6 ?? "-",
    host.outcome ?? "-",
    host.generation === undefined ? "-" : String(host.generation),
    healthText(host.health),
    host.closure ?? "-",
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

/** The fleet's state, printed after `up` and by `status`. */
export function summaryLines(outputs: StackOutputs): readonly string[] {
  const hosts = Object.entries(outputs.hosts);
  const head = ["HOST", "ADDRESS", "OUTCOME", "GENERATION", "HEALTH", "RUNNING CLOSURE"];
  const reasons = hosts.flatMap(([name, host]) =>
    host.reason === undefined ? [] : [quoted(host.reason, `${name}: `)],
  );
  return [
    ...section("Hosts", table([head, ...hosts.map(([name, host]) => hostRow(name, host))])),
    ...section("Not converged", reasons),
    ...section(
      "Services",
      table(Object.entries(outputs.services).map(([name, { url, host }]) => [name, url, `on ${host}`])),
    ),
    ...section(
      "DNS",
      table(
        outputs.dns.records.map(({ name, type, content, proxied }) => [
          name,
          type,
          proxied ? `${content} (proxied)` : content,
        ]),
      ),
    ),
    ...section(
      "Buckets",
      table(Object.entries(outputs.buckets).map(([key, { name, endpoint }]) => [key, name, endpoint])),
    ),
  ];
}

/** Commands to try next; `command` is the name of the sandbox's program. */
export function nextSteps(outputs: StackOutputs, command: string): readonly string[] {
  const [host = "web"] = Object.keys(outputs.hosts);
  const record = outputs.dns.records.find(({ type }) => type === "A")?.name ?? host;
  return section(
    "Next",
    table([
      [`${command} ssh ${host}`, "log into a host"],
      [`${command} exec dig +short ${record}`, "run any command in the sandbox's network"],
      ["$EDITOR sandbox/nix/fleet.toml", `change [hosts.${host}] extra.motd, then:`],
      ["tools/pulumi preview --stack sandbox --diff", "  see what would change"],
      ["tools/pulumi up --stack sandbox", "  apply it"],
      [
        `extra = { activation = "fail" }`,
        `in [hosts.${host}] makes its activation fail: \`up\` rolls it back`,
      ],
      [`${command} status`, "show vendors, machines and hosts"],
      ["tools/pantheros centre", "show the fleet in a browser"],
      ["make sandbox-down", "remove everything"],
    ]),
  );
}
