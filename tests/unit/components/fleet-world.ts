/** The sandbox's fleet, and mocks of the engine and the vendors. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fleet, type FleetArgs } from "../../../components/fleet/fleet.ts";
import { loadProviders } from "../../../components/fleet/providers.ts";
import { prepareServers } from "../../../components/fleet/servers.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import { type Settings, settingsFrom } from "../../../settings/settings.ts";
import { hostKey, keyPairJson, type MockOptions, publicKeyOf } from "../mocks.ts";

export const text = readFileSync("sandbox/nix/fleet.toml", "utf8");
export const scratch = mkdtempSync(join(tmpdir(), "pantheros-fleet-"));
writeFileSync(join(scratch, "known_hosts"), `legacy ${hostKey}\n`);
writeFileSync(join(scratch, "key.pub"), `${hostKey} somebody\n`);

export const settings = (more: Record<string, string> = {}): Settings =>
  settingsFrom({
    stack: "sandbox",
    get: (key) => more[key],
    env: (name) =>
      ({ PANTHEROS_KNOWN_HOSTS: join(scratch, "known_hosts"), PANTHEROS_SSH_KEY: join(scratch, "key") })[
        name
      ],
  });
export const planOf = (toml: string) => planFor(parseInventory(toml, "fleet.toml"), "sandbox");

export const store = (letter: string, host: string) => `/nix/store/${letter.repeat(32)}-nixos-system-${host}`;
const target = (host: string) => ({
  drvPath: `${store("d", host)}.drv`,
  outPath: store("a", host),
  system: "x86_64-linux",
  kernel: "/nix/store/k/bzImage",
  inhibitors: {},
  units: {},
});
const evaluated = ["web", "db", "legacy", "data", "copy", "constructor"];
const evaluation: FleetArgs["evaluation"] = new Map(
  evaluated.map((name) => [name, { target: target(name) }]),
);
/** The fleet, with servers of which nothing is known. */
export async function fleetOf(
  args: Omit<FleetArgs, "evaluation" | "servers"> & Partial<FleetArgs>,
): Promise<Fleet> {
  const { plan, settings: given } = args;
  const servers = await prepareServers(await loadProviders(plan), new Map(), { plan, settings: given });
  return new Fleet("fleet", { evaluation, servers, ...args });
}
/** The evaluation when these hosts can't be evaluated. */
export const evaluationWithout = (hosts: readonly string[]): FleetArgs["evaluation"] => {
  const failure = {
    command: "nix eval",
    exitCode: 1,
    reason: "error: attribute 'nope' missing",
    hint: "fix it",
  };
  return new Map([...evaluation, ...hosts.map((name) => [name, { failure }] as const)]);
};

/** The answers of the engine and the vendors; `outcomes` has the outcome of each host's deploy. */
export function world(outcomes: Record<string, string> = {}, preview = false): MockOptions {
  return {
    preview,
    stack: "sandbox",
    functions: {
      // A preview compares closures, and reads the state for the cost and the outputs.
      "command:local:run": () => ({ stdout: "{}", stderr: "" }),
      "pulumi:pulumi:readStackResourceOutputs": () => ({ outputs: {} }),
      "cloudflare:index/getZone:getZone": () => ({ zoneId: "zone-1" }),
      "onepassword:index/getVault:getVault": () => ({ uuid: "vaultvaultvaultvaultvault1" }),
      "onepassword:index/getItem:getItem": ({ title }) => ({ credential: `PLANTED ${String(title)}` }),
    },
    computed: {
      "hcloud:index/primaryIp:PrimaryIp": ({ type }, name) => ({
        ipAddress: type === "ipv4" ? `203.0.113.${name.length}` : "2001:db8:1:1::/64",
      }),
      "tailscale:index/tailnetKey:TailnetKey": (_, name) => ({ key: `PLANTED ${name}` }),
      "command:local:Command": (_, name) => {
        const host = name.split("-")[0] ?? "";
        if (/-(host|bootstrap)-key$/.test(name))
          return { stdout: keyPairJson(`PLANTED ${name}`, publicKeyOf(name)) };
        const common = { schemaVersion: 1, host, seconds: {} };
        if (name.endsWith("-install")) return { stdout: JSON.stringify({ ...common, outcome: "installed" }) };
        if (name.endsWith("-delivery")) {
          const more = { secret: "opnix-token", outcome: "delivered", step: "", exitCode: 0, reason: "" };
          return { stdout: JSON.stringify({ ...common, ...more }) };
        }
        const outcome = (Object.hasOwn(outcomes, host) && outcomes[host]) || "confirmed";
        const running = outcome === "confirmed" ? store("a", host) : store("o", host);
        const result = { ...common, outcome, running, generation: 1, token: "t", reason: "a reason" };
        return { stdout: name.endsWith("-deploy") ? JSON.stringify(result) : "" };
      },
    },
  };
}
