/** The rack's machines, as the fleet uses them. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { bootstrapKeys } from "../../../components/bootstrap-keys.ts";
import { IGNORED_COMMAND_INPUTS } from "../../../components/command-inputs.ts";
import { isSelected } from "../../../components/fleet/selection.ts";
import { formerNames } from "../../../components/former-names.ts";
import { storedKeyPair } from "../../../components/host-key.ts";
import type { CreatedMachine } from "../../../components/machine.ts";
import type { HostPower } from "../../../components/nixos-host/power.ts";
import type { ProviderContext, ServerProvider } from "../../../components/provider.ts";
import { bootstrapUserData } from "../../../components/user-data.ts";
import type { CreatedHost } from "../../../inventory/plan.ts";
import { isCreated, isOf, settingsOf } from "../../../inventory/providers.ts";
import { isReachedPublicly, openSshPorts, sshPortOf, sshSourcesOf } from "../../../inventory/ssh.ts";
import { webSourcesOf } from "../../../inventory/web-sources.ts";
import type { RackView } from "./preflight.ts";
import { table } from "./table.ts";

const MACHINE_TYPE = "tests:rack:Machine";
const MAX_USER_DATA_BYTES = 16 * 1024;
const ANYWHERE = ["0.0.0.0/0", "::/0"];

/** Who may reach a machine; a decommissioned one admits no traffic. */
function rulesFor(host: CreatedHost, { plan }: ProviderContext): object[] {
  if (host.decommission !== undefined) return [];
  const ssh = isReachedPublicly(plan.inventory, host) ? sshSourcesOf(plan.inventory, host) : [];
  const web = webSourcesOf(host.name, plan) ?? ANYWHERE;
  const tcp = (port: number, sources: readonly string[]) =>
    sources.length === 0 ? [] : [{ protocol: "tcp", port: String(port), sources }];
  return [
    ...openSshPorts(plan.inventory, host).flatMap((port) => tcp(port, ssh)),
    ...[80, 443].flatMap((port) => tcp(port, web)),
    { protocol: "icmp", sources: ANYWHERE },
  ];
}

class RackMachine extends pulumi.ComponentResource implements CreatedMachine {
  readonly address: pulumi.Output<string>;
  readonly sshPort: pulumi.Output<number>;
  readonly ipv4: pulumi.Output<string | undefined>;
  readonly ipv6: pulumi.Output<string | undefined>;
  readonly hostKey: pulumi.Output<string>;
  readonly serverId: pulumi.Output<string>;
  readonly server: pulumi.Resource;
  readonly hostKeyPrivate: pulumi.Output<string>;
  readonly bootstrapHostKey: pulumi.Output<string>;

  constructor(host: CreatedHost, context: ProviderContext, parent: pulumi.Resource) {
    super(MACHINE_TYPE, host.name, {}, { parent, ...formerNames(host) });
    const { name } = host;
    const { slot, address } = settingsOf(host, table);
    const { plan, settings } = context;
    const hostKey = storedKeyPair(`${name}-host-key`, { parent: this });
    const bootstrap = storedKeyPair(`${name}-bootstrap-key`, { parent: this });
    const rules = rulesFor(host, context);
    const call = (method: string, path: string) =>
      `exec "$PANTHEROS_NODE" tests/providers/rack/call.ts ${method} /slots/${slot}${path}`;
    const shared = {
      environment: { PANTHEROS_NODE: process.execPath },
      logging: "none",
      addPreviousOutputInEnv: false,
    } as const;
    const server = new command.local.Command(
      `${name}-server`,
      {
        ...shared,
        create: call("PUT", ""),
        delete: call("DELETE", ""),
        stdin: pulumi.secret(
          bootstrap.pair.apply((key) =>
            JSON.stringify({
              hostname: name,
              address,
              userData: bootstrapUserData(key, MAX_USER_DATA_BYTES),
              authorizedKeys: Object.values(bootstrapKeys(plan, settings)),
              // Part of the creation, so that the machine is never up without its rules.
              rules,
            }),
          ),
        ),
        triggers: [slot],
      },
      {
        parent: this,
        deleteBeforeReplace: true,
        protect: plan.settings.protect && host.decommission !== "delete",
        ignoreChanges: [...IGNORED_COMMAND_INPUTS],
      },
    );
    // A change of the rules calls the API again.
    const firewall = new command.local.Command(
      `${name}-firewall`,
      { ...shared, create: call("PUT", "/rules"), stdin: JSON.stringify({ rules }) },
      { parent: this, dependsOn: server, ignoreChanges: ["environment"] },
    );
    this.address = pulumi.all([server.id, firewall.id]).apply(() => address);
    this.sshPort = pulumi.output(sshPortOf(plan.inventory, host));
    this.ipv4 = pulumi.output(address);
    this.ipv6 = pulumi.output(undefined);
    this.serverId = server.id.apply(() => String(slot));
    this.server = server;
    this.hostKey = hostKey.publicKey;
    this.hostKeyPrivate = hostKey.privateKey;
    this.bootstrapHostKey = bootstrap.publicKey;
    this.registerOutputs({ ipv4: this.ipv4, hostKey: this.hostKey });
  }
}

/** Powers machines on that should be on, in `up` only. */
async function powerOf({ slots, api }: RackView, host: CreatedHost): Promise<HostPower | undefined> {
  const { slot } = settingsOf(host, table);
  if (slots.find((each) => each.slot === slot)?.power !== "off") return undefined;
  if (pulumi.runtime.isDryRun()) return { is: "off", reason: "its slot is off", hint: "`up` powers it on" };
  await api.request("POST", `/slots/${slot}/power-on`);
  pulumi.log.info(`${host.name}: its slot was off and was powered on`);
  return { is: "starting" };
}

export const servers: ServerProvider = {
  name: "the rack",
  package: "rack",
  families: ["ipv4"],
  machineType: MACHINE_TYPE,
  serverType: "command:local:Command",
  async prepare(answer, context) {
    const { plan, settings } = context;
    const selected = isSelected(plan, settings.selection);
    const hosts = plan.hosts.filter(isCreated).filter((host) => isOf(host, table) && selected(host.name));
    const power = new Map<string, HostPower>();
    if (answer !== undefined && "failure" in answer) pulumi.log.warn(answer.failure);
    else if (answer !== undefined) {
      for (const host of hosts) {
        const found = await powerOf(answer as RackView, host);
        if (found !== undefined) power.set(host.name, found);
      }
    }
    return {
      power,
      problems: [],
      declare: (_, parent) => (host) => new RackMachine(host, context, parent),
    };
  },
  installSettings: () => ({}),
};
