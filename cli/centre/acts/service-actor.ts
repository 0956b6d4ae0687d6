/**
 * Acts of a service, which has no checkout and no state: hosts through their operators, and runs through the forge's
 * workflow, which has the keys. It rolls nothing back: without a pin in the stack's file the next `up` would undo it.
 */
import type { Identity } from "../../../centre/access/identity.ts";
import type { Actor, ActResult, Difference } from "../../../centre/acts/actor.ts";
import type { ActName, ActRequest } from "../../../centre/acts/acts.ts";
import type { Workflow } from "../../../clients/forge/workflow.ts";
import type { OpenStack } from "../../stack/open.ts";
import { rollbackDifferences } from "./differences.ts";
import { isOnHost, Operators, type OperatorsOptions } from "./operators.ts";

export interface ServiceActorOptions extends OperatorsOptions {
  /** The stack as it was published last. */
  readonly open: () => OpenStack;
  /** Starts a workflow; undefined: there is no forge. */
  readonly start: ((workflow: Workflow) => Promise<void>) | undefined;
  /** Which workflow an act starts. */
  readonly workflows: Readonly<Partial<Record<ActName, Workflow>>>;
}

export class ServiceActor implements Actor {
  readonly #options: ServiceActorOptions;
  readonly #operators: Operators;

  constructor(options: ServiceActorOptions) {
    this.#options = options;
    this.#operators = new Operators(options);
  }

  unavailable(act: ActName, role: string): string | undefined {
    if (isOnHost(act)) return this.#operators.missing(role);
    if (act.startsWith("rollback."))
      return "a pin is written in a checkout of the stack, so a service rolls nothing back: use tools/pantheros rollback";
    const { start, workflows } = this.#options;
    return start !== undefined && workflows[act] !== undefined
      ? undefined
      : "this control centre has no forge: set PANTHEROS_FORGE_REPOSITORY and PANTHEROS_FORGE_TOKEN_FILE";
  }

  async perform(
    request: ActRequest,
    { role }: Identity,
    progress: (line: string) => void,
  ): Promise<ActResult> {
    const unavailable = this.unavailable(request.act, role);
    if (unavailable !== undefined) return { ok: false, detail: unavailable };
    if (isOnHost(request.act)) return this.#operators.perform(this.#options.open(), request, role);
    const workflow = this.#options.workflows[request.act];
    if (workflow === undefined) return { ok: false, detail: "no workflow" };
    progress(`starting ${workflow.file} of ${workflow.repository}`);
    await this.#options.start?.(workflow);
    return {
      ok: true,
      detail: `${workflow.file} of ${workflow.repository} was started; the forge shows its run`,
    };
  }

  differences(hosts: readonly string[]): Promise<readonly Difference[]> {
    return rollbackDifferences(this.#options.open(), hosts);
  }

  async journal(host: string, unit: string, { role }: Identity): Promise<string> {
    return this.#operators.journal(this.#options.open(), { host, unit }, role);
  }
}
