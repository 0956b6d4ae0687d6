import * as pulumi from "@pulumi/pulumi";
import { isManaged, type Probe } from "../../deployer/probe.ts";
import { type PresentSecrets, presentSecrets } from "../../deployer/secrets/delivery.ts";
import type { SshJump } from "../../deployer/ssh.ts";

/** How another part of the stack, such as a secret's delivery, reaches the host before its deploy. */
export interface HostConnection {
  readonly peer: pulumi.Output<{
    readonly address: string;
    readonly port: number;
    /** The deploy user; root on a machine that was never managed. */
    readonly user: string;
    readonly identity?: string;
    readonly jumps?: SshJump[];
    readonly hostKey: string;
    /** It has a supervisor. */
    readonly managed: boolean;
    /** Version of its supervisor's protocol, if it answered. */
    readonly version?: number;
    /** Why the host must not be touched. */
    readonly refused?: string;
  }>;
  /** Secrets that the probe found on the host; undefined when it did not answer or did not report them. */
  readonly present: pulumi.Output<PresentSecrets | undefined>;
  readonly converge: "must" | "best-effort";
  readonly probed: boolean;
}

export interface HostConnectionArgs extends Pick<HostConnection, "converge" | "probed"> {
  readonly user: string;
  readonly identity?: string | undefined;
  readonly address: pulumi.Input<string>;
  readonly port: pulumi.Input<number>;
  readonly jumps?: pulumi.Input<SshJump[]> | undefined;
  /** Resolves when the deploys of the jump hosts in this stack have ended. */
  readonly through: pulumi.Input<unknown>;
  readonly hostKey: pulumi.Input<string>;
  /** Resolves when the host is installed, if this program installs it. */
  readonly installed: pulumi.Input<boolean>;
  readonly probe: pulumi.Input<Probe>;
  readonly refused: pulumi.Input<string | undefined>;
}

export function hostConnection(args: HostConnectionArgs): HostConnection {
  const { user, identity, converge, probed } = args;
  const known = pulumi.all([args.address, args.port, args.hostKey, args.probe, args.refused, args.installed]);
  return {
    peer: pulumi.all([known, pulumi.output(args.jumps), args.through]).apply(([all, jumps]) => {
      const [address, port, hostKey, probe, refused] = all;
      const managed = isManaged(probe);
      return {
        address,
        port: (probe.reached ? probe.port : undefined) ?? port,
        hostKey,
        managed,
        user: managed ? user : "root",
        ...(identity && { identity }),
        ...(jumps !== undefined && { jumps }),
        ...(probe.reached && { version: probe.status.version }),
        ...(refused !== undefined && { refused }),
      };
    }),
    // On a refused machine the secrets may be another host's, so they do not count as delivered.
    present: known.apply(([, , , probe, refused]) =>
      probe.reached && refused === undefined ? presentSecrets(probe.status) : undefined,
    ),
    converge,
    probed,
  };
}
