/**
 * Acts on a stack from its checkout: pins and runs as the person who started the control centre, and hosts through
 * `pantheros-operator` with the key of the role. Without such a key a rollback is `tools/pantheros rollback`.
 */
import { type Identity, OWNER } from "../../../centre/access/identity.ts";
import type { Actor, ActResult, Difference } from "../../../centre/acts/actor.ts";
import type { ActName, ActRequest } from "../../../centre/acts/acts.ts";
import { messageOf } from "../../../lib/message-of.ts";
import { Refusal, type Requested } from "../../rollback/decide.ts";
import { removePins } from "../../rollback/pins.ts";
import { pin, release } from "../../rollback/rollback.ts";
import type { StackOptions } from "../../stack/name.ts";
import { type OpenStack, openStack } from "../../stack/open.ts";
import { outerEnvironment, runTool } from "./command.ts";
import { rollbackDifferences } from "./differences.ts";
import { rollBackHost } from "./host-acts.ts";
import { isOnHost, limitsOf, Operators, type OperatorsOptions } from "./operators.ts";

export interface StackActorOptions extends OperatorsOptions {
  readonly stack: StackOptions;
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

export class StackActor implements Actor {
  readonly #options: StackActorOptions;
  readonly #operators: Operators;

  constructor(options: StackActorOptions) {
    this.#options = options;
    this.#operators = new Operators(options);
  }

  unavailable(act: ActName, role: string): string | undefined {
    const isRollback = act === "rollback.host" || act === "rollback.wave";
    const needsKey = isOnHost(act) || (isRollback && role !== OWNER);
    return needsKey ? this.#operators.missing(role) : undefined;
  }

  async perform(request: ActRequest, by: Identity, progress: (line: string) => void): Promise<ActResult> {
    try {
      return await this.#perform(request, by, progress);
    } catch (error) {
      if (error instanceof Refusal) return { ok: false, detail: `nothing was changed: ${error.message}` };
      throw error;
    }
  }

  async differences(hosts: readonly string[]): Promise<readonly Difference[]> {
    return rollbackDifferences(await this.#open(), hosts);
  }

  async journal(host: string, unit: string, by: Identity): Promise<string> {
    return this.#operators.journal(await this.#open(), { host, unit }, by.role);
  }

  async #perform(request: ActRequest, by: Identity, progress: (line: string) => void): Promise<ActResult> {
    const { act, host = "", wave, reason } = request;
    switch (act) {
      case "rollback.host":
        return this.#rollBack({ hosts: [host], wave: undefined }, by, progress);
      case "rollback.wave":
        return this.#rollBack({ hosts: [], wave }, by, progress);
      case "rollback.release": {
        const released = await release({ hosts: [host], wave: undefined }, await this.#open(), progress);
        return { ok: true, detail: `${released.join(" ")}: the next up deploys the flake's system again` };
      }
      case "deploy.confirm":
      case "service.restart":
        return this.#operators.perform(await this.#open(), request, by.role);
      case "run.preview":
        return this.#tool(["tools/pulumi", "preview", "--color", "never"], progress);
      case "run.up": {
        const words = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--color", "never"];
        // In one word with its option, so that no reason is read as an option.
        return this.#tool(["tools/pulumi", ...words, `--message=${reason}`], progress);
      }
    }
  }

  async #rollBack(
    requested: Requested,
    { role }: Identity,
    progress: (line: string) => void,
  ): Promise<ActResult> {
    if (this.#operators.keyOf(role) === undefined) {
      const selection = requested.wave === undefined ? requested.hosts.join(",") : `@wave${requested.wave}`;
      return this.#tool(["tools/pantheros", "rollback", "--on", selection], progress);
    }
    const open = await this.#open();
    // The pins come first: if this process ends now, the next `up` goes back as it was asked for.
    const { hosts, pins } = await pin(requested, open, progress);
    const results = await Promise.all(
      hosts.map(async (host) => {
        const wanted = pins[host];
        const result =
          wanted === undefined
            ? { ok: true, detail: "is pinned already, or off and best-effort: left as it is" }
            : await this.#rollBackOne(open, { host, wanted, role });
        progress(`${host}: ${result.detail}`);
        return { host, ...result };
      }),
    );
    const failed = results.filter(({ ok }) => !ok).map(({ host }) => host);
    // A host that did not go back follows the flake, as before.
    if (failed.length > 0) await removePins(open.stack, failed);
    const texts = results.map(({ host, detail }) => `${host}: ${detail}`).join("; ");
    return failed.length === 0
      ? { ok: true, detail: `${texts}; pinned until the pin is released` }
      : { ok: false, detail: `${texts}; not pinned: ${failed.join(" ")}` };
  }

  async #rollBackOne(
    open: OpenStack,
    { host, wanted, role }: { readonly host: string; readonly wanted: string; readonly role: string },
  ): Promise<ActResult> {
    try {
      return await rollBackHost(this.#operators.caller(open, host, role), wanted, limitsOf(open));
    } catch (error) {
      return { ok: false, detail: messageOf(error) };
    }
  }

  #open(): Promise<OpenStack> {
    return openStack(this.#options.stack, this.#options.root);
  }

  #tool(argv: readonly string[], progress: (line: string) => void): Promise<ActResult> {
    const { stack, configFile } = this.#options.stack;
    const target = [
      ...(stack === undefined ? [] : ["--stack", stack]),
      ...(configFile === undefined ? [] : ["--config-file", configFile]),
    ];
    const { root, env } = this.#options;
    return runTool([...argv, ...target], { root, env: outerEnvironment(env) }, progress);
  }
}
