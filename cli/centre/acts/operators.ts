/** The keys with which a control centre acts on hosts, one for each role. */
import { existsSync } from "node:fs";
import path from "node:path";
import { OWNER } from "../../../centre/access/identity.ts";
import type { ActResult } from "../../../centre/acts/actor.ts";
import type { ActName, ActRequest } from "../../../centre/acts/acts.ts";
import { grants } from "../../../inventory/capabilities.ts";
import type { Plan } from "../../../inventory/plan.ts";
import type { OpenStack } from "../../stack/open.ts";
import { probeArgsOf } from "../../stack/probe-args.ts";
import { confirmHost, type HostLimits, restartUnit, unitJournal } from "./host-acts.ts";
import { type CallOperator, operatorOf } from "./operator.ts";

export interface OperatorsOptions {
  /** Directory with the private key of each role, named after it (PANTHEROS_OPERATOR_KEYS). */
  readonly keys: string | undefined;
  readonly roles: Plan["inventory"]["roles"];
}

/** The acts for which nothing but the host is needed. */
const ON_HOSTS: readonly ActName[] = ["deploy.confirm", "service.restart"];
export const isOnHost = (act: ActName): boolean => ON_HOSTS.includes(act);

export class Operators {
  readonly #options: OperatorsOptions;

  constructor(options: OperatorsOptions) {
    this.#options = options;
  }

  /** The file of a role's key. The owner, who can read all files, acts with the key of a role that may do everything. */
  keyOf(role: string): string | undefined {
    const { keys, roles } = this.#options;
    if (keys === undefined) return undefined;
    const candidates =
      role === OWNER
        ? Object.keys(roles).filter((name) => grants(roles[name]?.capabilities ?? [], "rollback.wave"))
        : Object.keys(roles).filter((name) => name === role);
    return candidates.map((name) => path.join(keys, name)).find((file) => existsSync(file));
  }

  /** Why a role cannot act on hosts; undefined: it has a key. */
  missing(role: string): string | undefined {
    if (this.keyOf(role) !== undefined) return undefined;
    const { keys } = this.#options;
    const remedy =
      keys === undefined
        ? "set PANTHEROS_OPERATOR_KEYS to a directory with a private key for each role, named after it"
        : `${path.join(keys, role)} is missing`;
    return `this control centre has no operator key for the role ${role}: ${remedy}, and put its public key into operator_keys of the role`;
  }

  /** @throws Error when the host's address or the role's key is unknown */
  caller({ plan, settings, outputs }: OpenStack, host: string, role: string): CallOperator {
    const identity = this.keyOf(role);
    if (identity === undefined) throw new Error(this.missing(role));
    const args = probeArgsOf({ plan, settings, outputs }, host, plan.inventory.deploy.seconds.connect);
    if (typeof args === "string") throw new Error(`${host}: ${args}`);
    return operatorOf(args, identity);
  }

  /** Does an act for which nothing but the host is needed (isOnHost). */
  perform(open: OpenStack, { act, host = "", unit = "" }: ActRequest, role: string): Promise<ActResult> {
    const call = this.caller(open, host, role);
    return act === "deploy.confirm"
      ? confirmHost(call, limitsOf(open))
      : restartUnit(call, unit, limitsOf(open));
  }

  /** @throws Error when the host does not give the journal */
  async journal(
    open: OpenStack,
    { host, unit }: { readonly host: string; readonly unit: string },
    role: string,
  ): Promise<string> {
    return unitJournal(this.caller(open, host, role), unit, limitsOf(open));
  }
}

/** As the host itself limits them, and what it may take to go back. */
export function limitsOf({ plan }: OpenStack): HostLimits {
  const { seconds, switchSeconds, healthSeconds, rebootSeconds } = plan.inventory.deploy;
  return {
    connect: seconds.connect,
    activation: switchSeconds * 2 + healthSeconds * 2 + 240,
    reboot: rebootSeconds * 2,
  };
}
