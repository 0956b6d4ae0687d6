/** Delivers a host's secrets before its deploy. */
import type * as pulumi from "@pulumi/pulumi";
import type { DeliveryResult } from "../../deployer/secrets/delivery.ts";
import { listNames } from "../../lib/names.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { recoverWith, unlessFailed } from "../failures.ts";
import type { HostConnection } from "../nixos-host/connection.ts";
import type { WaveHost } from "../nixos-host/waves.ts";
import { SecretDelivery } from "../secrets/delivery.ts";
import type { HostSecret } from "../secrets/secrets.ts";

export interface Delivery {
  /** Undefined when a resource that it needs failed. */
  readonly result: pulumi.Output<DeliveryResult | undefined>;
  /** Why the secret did not arrive, as one line without the host. */
  readonly problem: pulumi.Output<string | undefined>;
}

/** The problem of a failed delivery, without the host's name; undefined for a best-effort host. */
export function deliveryProblem(result: DeliveryResult, converge: WaveHost["converge"]): string | undefined {
  if (result.outcome === "delivered" || converge === "best-effort") return undefined;
  return `secret ${result.secret} ${result.outcome}: ${oneLine(result.reason)}`;
}

/** One line for each problem, with the hosts that have it. */
export function problemLines(
  found: readonly { readonly host: string; readonly problem: string }[],
): string[] {
  const hosts = new Map<string, string[]>();
  for (const { host, problem } of found) hosts.set(problem, [...(hosts.get(problem) ?? []), host]);
  return [...hosts].map(([problem, names]) => `${listNames(names)}: ${problem}`);
}

/**
 * Delivers one secret. A failed delivery does not stop the deploy: the host may have the secret
 * already.
 */
export function deliver(
  { host, name: secret, value, read }: HostSecret,
  to: {
    readonly connection: HostConnection;
    readonly converge: WaveHost["converge"];
    /** The host's former name, after a rename. */
    readonly formerly: string | undefined;
    /** Whether the run asks the host for its secrets (comparesSecrets). */
    readonly compared: boolean;
    readonly timeoutSeconds: number;
  },
  opts: pulumi.ComponentResourceOptions,
): Delivery {
  const resource = (owner: string) => `${owner}-secret-${secret}`;
  const args = {
    ...to.connection,
    host,
    secret,
    value,
    read,
    timeoutSeconds: to.timeoutSeconds,
    ...(to.formerly !== undefined && { formerly: resource(to.formerly) }),
    probed: to.connection.probed && to.compared,
  };
  const { result } = new SecretDelivery(resource(host), args, opts);
  return {
    result: unlessFailed(result),
    problem: recoverWith(
      result.apply((delivery) => deliveryProblem(delivery, to.converge)),
      (reason) => `secret ${secret} not delivered: ${reason}`,
    ),
  };
}
