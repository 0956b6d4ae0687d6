import type * as pulumi from "@pulumi/pulumi";
import { isManaged, type Probe } from "./probe.ts";

/** How something else of the stack, such as a secret's delivery, reaches the host, once it is installed and before its deploy. */
export interface Contact {
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
  }>;
  /** Secrets that the host had when it was asked; undefined when it did not answer. */
  readonly present: pulumi.Output<Readonly<Record<string, string>> | undefined>;
  readonly converge: "must" | "best-effort";
  readonly probed: boolean;
}

/** Resolves when the host is installed, if that is this program's to do. */
export function contactOf(
  {
    user,
    identity,
    converge,
    probed,
  }: Pick<Contact, "converge" | "probed"> & { user: string; identity?: string | undefined },
  known: pulumi.Output<[string, number, string, Probe, boolean]>,
): Contact {
  return {
    peer: known.apply(([address, port, hostKey, found]) => {
      const managed = isManaged(found);
      return {
        address,
        port,
        hostKey,
        managed,
        user: managed ? user : "root",
        ...(identity && { identity }),
        ...(found.reached && { version: found.status.version }),
      };
    }),
    present: known.apply(([, , , found]) => (found.reached ? (found.status.secrets ?? {}) : undefined)),
    converge,
    probed,
  };
}
