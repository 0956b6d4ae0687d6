/** What a host is now: the supervisor's status over one bounded connection, in preview and up alike. */
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { DeployOutcome } from "./result.ts";
import { Slots } from "./slots.ts";
import { shellWord, sshHints, sshOptions, sshTrouble } from "./ssh.ts";
import { parseLine, type SupervisorStatus, supervisorStatus, verbWords } from "./supervisor.ts";

export type Probe =
  | {
      readonly reached: true;
      readonly user: string;
      readonly status: SupervisorStatus;
      /** How the last deploy to it ended, where the state says other than well. The host need not know of it. */
      readonly unfinished?: DeployOutcome;
    }
  | { readonly reached: false; readonly reason: string; readonly hint?: string | undefined };

/** With probing off. */
export const notAsked: Extract<Probe, { reached: false }> = { reached: false, reason: "not asked" };

/** Whether it has a supervisor, and so a deploy user. One that does not answer is taken for managed. */
export const isManaged = (probe: Probe): boolean => !(probe.reached && probe.status.version === 0);

export interface ProbeArgs {
  readonly host: string;
  readonly address: string;
  readonly port?: number | undefined;
  /** The deploy user, tried first. */
  readonly user: string;
  /** The pinned public host key, `TYPE BASE64`. */
  readonly hostKey: string;
  /** A system: a host that runs another one also tells its units. */
  readonly outPath?: string | undefined;
  /** The host may never have been managed (it is adopted, or just created): root is tried after the deploy user. */
  readonly maybeUnmanaged: boolean;
  readonly identity?: string | undefined;
  /** Seconds; 10 and 20 when left out. */
  readonly connectSeconds?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
}

/** What root reads on a NixOS machine without a supervisor: the same facts, as version 0. */
const unmanagedStatus = [
  'l() { readlink "$1" 2>/dev/null; }',
  'q() { if [ -n "$1" ]; then printf \'"%s"\' "$1"; else printf null; fi; }',
  "p=/nix/var/nix/profiles",
  `printf '{"version":0,"system":%s,"booted":%s,"profile":%s,"bootDefault":null,"generation":null,"bootId":%s,"token":null,"confirmed":false,"phase":"idle","kernel":%s}\\n'` +
    ' "$(q "$(l /run/current-system)")" "$(q "$(l /run/booted-system)")" "$(q "$(l "$p/$(l $p/system)")")"' +
    ' "$(q "$(cat /proc/sys/kernel/random/boot_id)")" "$(q "$(l /run/current-system/kernel)")"',
].join("; ");

/** The environment of probe.sh. */
export function probeEnvironment(args: ProbeArgs): Record<string, string> {
  const { host, address, port, user, identity, connectSeconds } = args;
  const verb = args.outPath === undefined ? ["status"] : ["status", args.outPath];
  const asked = (login: string) => verbWords(login, verb).map(shellWord).join(" ");
  const options = sshOptions({
    host,
    address,
    port,
    user,
    pinned: { key: args.hostKey },
    identity,
    connectSeconds,
    nothingSecret: true,
  });
  // The script adds the user.
  const at = options.indexOf(`User=${user}`);
  const words = options.toSpliced(at - 1, 2);
  const root = asked("root");
  return {
    PROBE_HOST: host,
    PROBE_SECONDS: String(args.timeoutSeconds ?? 20),
    PROBE_SSH: words.join("\n"),
    PROBE_USER: user,
    PROBE_DEPLOY: asked(user),
    PROBE_ROOT: args.maybeUnmanaged
      ? `if [ -x ${root.split(" ")[0]} ]; then ${root}; else ${unmanagedStatus}; fi`
      : "",
  };
}

export function readProbe(stdout: string): Probe {
  const [first = "", ...rest] = stdout.trim().split("\n");
  const found = /^(\S+) (\{.*)$/.exec(first);
  const status = found === null ? undefined : parseLine(supervisorStatus, found[2] ?? "");
  if (found?.[1] !== undefined && status !== undefined) return { reached: true, user: found[1], status };
  if (found !== null) return { reached: false, reason: "the host's answer is not a status" };
  const said = rest.join("\n").trim();
  const trouble = sshTrouble(said);
  const reason = said === "" ? "no answer in time" : said;
  return trouble === undefined
    ? { reached: false, reason }
    : { reached: false, reason, hint: sshHints[trouble] };
}

/**
 * Probes under way at once. Each is a shell, its bound and an ssh, some 12 MB together: a fleet of a hundred would hold more
 * than a gigabyte, and no computer is faster for it.
 */
const slots = new Slots(16);

/** One probe, as an invoke: all of a stack's run beside each other, whatever `--parallel` says. */
export function probe(
  args: pulumi.Input<ProbeArgs>,
  opts?: pulumi.InvokeOutputOptions,
): pulumi.Output<Probe> {
  const ran = command.local.runOutput(
    {
      command: "exec sh components/nixos-host/probe.sh",
      environment: pulumi.output(args).apply(async (known) => {
        await slots.take();
        return probeEnvironment(known);
      }),
      logging: "none",
      addPreviousOutputInEnv: false,
    },
    opts,
  );
  return ran.apply(({ stdout }) => {
    slots.give();
    return readProbe(stdout);
  });
}
