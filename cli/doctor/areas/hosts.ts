/** Adopted machines: a host key is pinned for each, and the machine answers with it. */
import { isIP } from "node:net";
import { outsideJump } from "../../../deployer/jumps.ts";
import { type Probe, probeHost } from "../../../deployer/probe.ts";
import type { SshJump } from "../../../deployer/ssh.ts";
import {
  type KnownHosts,
  pinnedHostKey,
  readKnownHosts,
  skippedLines,
} from "../../../inventory/known-hosts.ts";
import { canonicalAddress } from "../../../inventory/machine-checks.ts";
import { isDocumentationAddress } from "../../../inventory/placeholders.ts";
import { type ExistingHost, isExisting, type Plan } from "../../../inventory/plan.ts";
import { addressPortOf, jumpsTo } from "../../../inventory/ssh.ts";
import { CannotCheck, type Check, type Observation, type Problem } from "../../../lib/check.ts";
import { entryOf } from "../../../lib/entry-of.ts";
import { messageOf } from "../../../lib/message-of.ts";
import { parseSshPublicKey } from "../../../lib/ssh-public-key.ts";
import type { Settings } from "../../../settings/settings.ts";
import type { DoctorContext } from "../context.ts";

/** How an adopted machine is reached for the first time. */
interface Way {
  readonly address: string;
  readonly port: number;
  readonly hostKey: string;
}

const CONSOLE = "cat /etc/ssh/ssh_host_ed25519_key.pub on the machine's console";

/** The way to a machine, or why there is none. */
function wayTo(
  host: ExistingHost,
  { plan, settings, pins }: { readonly plan: Plan; readonly settings: Settings; readonly pins: KnownHosts },
): Way | Problem {
  const { provider, name } = host;
  const tailnetName = plan.inventory.tailnet && `${name}.${plan.inventory.tailnet.suffix}`;
  const address = entryOf(settings.addresses, name) ?? provider.address ?? tailnetName;
  if (address === undefined) {
    return {
      what: `hosts.${name} has no address`,
      why: "an adopted machine is reached by its address",
      fix: `set provider.address of [hosts.${name}] in the inventory`,
    };
  }
  const port = addressPortOf(plan.inventory, host);
  const names = [name, host.formerly, address, provider.address, tailnetName]
    .filter((each) => each !== undefined)
    .flatMap((each) => [each, canonicalAddress(each)]);
  const pin = provider.hostKey === undefined ? pinnedHostKey(pins, names, port) : { key: provider.hostKey };
  if (pin.key !== undefined) return { address, port, hostKey: parseSshPublicKey(pin.key).line };
  return {
    what: `no host key is pinned for ${name} (${address})${pin.problem === undefined ? "" : `: ${pin.problem}`}`,
    why: "no connection is made to a machine that cannot be recognised",
    fix: `take the key from the console (${CONSOLE}), and set provider.host_key of [hosts.${name}], or add it to ${settings.knownHostsFile}`,
  };
}

/** What a probe of a machine with a pinned key shows. */
function answerProblems(host: ExistingHost, { address, port }: Way, probe: Probe): Observation[] {
  if (probe.reached) return [];
  const at = `${address}${port === 22 ? "" : ` port ${port}`}`;
  const { reason, hint } = probe;
  if (/host key verification failed|host key .* has changed|no matching host key/i.test(reason)) {
    return [
      {
        what: `${host.name} (${at}) shows another host key than the pinned one`,
        why: "it is another machine, was installed again, or somebody answers in its place",
        fix: `compare with the console (${CONSOLE}); only if that shows the new key, pin it`,
      },
    ];
  }
  if (host.reachability === "best-effort")
    return [{ note: `${host.name} (${at}) does not answer, and may be off: ${reason}` }];
  const documentation = isIP(address) !== 0 && isDocumentationAddress(address);
  return [
    {
      what: `${host.name} (${at}) cannot be reached: ${reason}`,
      why: documentation
        ? "the address is for documentation, so no machine has it"
        : "a required host that does not answer fails the run",
      fix: documentation
        ? `set provider.address of [hosts.${host.name}] to the machine's own`
        : (hint ??
          `check the address, its firewall and its sshd; set reachability = "best-effort" for a machine that may be off`),
    },
  ];
}

/** Jump hosts on the way to a machine. @throws CannotCheck when one of them cannot be reached by a pin */
function jumpsOf(host: ExistingHost, sources: Parameters<typeof wayTo>[1]): SshJump[] {
  const { plan, pins } = sources;
  const deployUser = plan.inventory.deploy.user;
  return jumpsTo(plan.inventory, host.name).map((jump) => {
    try {
      if (typeof jump !== "string") return outsideJump(host.name, jump, { deployUser, pins });
    } catch (error) {
      throw new CannotCheck(messageOf(error));
    }
    const hop = plan.hosts.filter(isExisting).find(({ name }) => name === jump);
    const way = hop && wayTo(hop, sources);
    if (way === undefined || "what" in way)
      throw new CannotCheck(`its jump host ${jump} cannot be reached yet`);
    return { host: jump, address: way.address, port: way.port, user: deployUser, hostKey: way.hostKey };
  });
}

export function hostChecks({ plan, settings }: DoctorContext): Check[] {
  const hosts = plan.hosts.filter(isExisting);
  if (hosts.length === 0) return [];
  const sources = () => ({ plan, settings, pins: readKnownHosts(settings.knownHostsFile) });
  const { deploy } = plan.inventory;
  const machine = (host: ExistingHost): Check => ({
    name: host.name,
    run: async () => {
      const way = wayTo(host, sources());
      if ("what" in way) return [way];
      const jumps = jumpsOf(host, sources());
      const probe = await probeHost({
        host: host.name,
        address: way.address,
        port: way.port,
        hostKey: way.hostKey,
        user: deploy.user,
        jumps,
        formerPort: host.ssh.formerPort,
        // Before the first deploy only root may log in.
        maybeUnmanaged: true,
        identity: settings.sshKey,
        connectSeconds: deploy.seconds.connect,
      });
      return answerProblems(host, way, probe);
    },
  });
  const knownHosts: Check = {
    name: "known_hosts",
    run: () =>
      skippedLines(sources().pins).map((line) => ({
        what: line,
        why: "ssh ignores the line, too, so it pins nothing",
        fix: `correct the line, or remove it from ${settings.knownHostsFile}`,
        level: "warning" as const,
      })),
  };
  return [knownHosts, ...hosts.map(machine)];
}
