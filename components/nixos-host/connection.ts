import type * as pulumi from "@pulumi/pulumi";
import { isManaged, type Probe } from "../../deployer/probe.ts";

/** How something else of the stack, such as a secret's delivery, reaches the host, once it is installed and before its deploy. */
export interface HostConnection {
  readonly peer: pulumi.Output<{
    readonly address: string;
    readonly port: number;
    /** The deploy user; root on a machine that was never managed. */
    readonly user: string;
    readonly identity?: string;
    readonly hostKey: string;
    /** It has a supervisor. */
    readonly managed: boolean;
    /** Of its supervisor's protocol, where it answered. */
    readonly version?: number;
    /** Why nothing may be done on it. */
    readonly refused?: string;
  }>;
  /** Secrets that the host had when it was asked; undefined when it did not answer. */
  readonly present: pulumi.Output<Readonly<Record<string, string>> | undefined>;
  readonly converge: "must" | "best-effort";
  readonly probed: boolean;
}

/** Resolves when the host is installed, if that is this program's to do. */
export function hostConnection(
  {
    user,
    identity,
    converge,
    probed,
  }: Pick<HostConnection, "converge" | "probed"> & { user: string; identity?: string | undefined },
  known: pulumi.Output<[string, number, string, Probe, boolean, string | undefined]>,
): HostConnection {
  return {
    peer: known.apply(([address, port, hostKey, found, , refused]) => {
      const managed = isManaged(found);
      return {
        address,
        port,
        hostKey,
        managed,
        user: managed ? user : "root",
        ...(identity && { identity }),
        ...(found.reached && { version: found.status.version }),
        ...(refused !== undefined && { refused }),
      };
    }),
    // What a machine has that is refused is no sign that it needs nothing.
    present: known.apply(([, , , found, , refused]) =>
      found.reached && refused === undefined ? (found.status.secrets ?? {}) : undefined,
    ),
    converge,
    probed,
  };
}
