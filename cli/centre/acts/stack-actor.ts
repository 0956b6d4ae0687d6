/**
 * Acts on a stack from its checkout: pins and runs as the person who started the control centre, and hosts through
 * `pantheros-operator` with the key of the role. Without such a key a rollback is `tools/pantheros rollback`.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { type Identity, OWNER } from "../../../centre/access/identity.ts";
import type { Actor, ActResult, Difference } from "../../../centre/acts/actor.ts";
import type { ActName, ActRequest } from "../../../centre/acts/acts.ts";
import { grants } from "../../../inventory/capabilities.ts";
import type { Plan } from "../../../inventory/plan.ts";
import { Refusal, type Requested } from "../../rollback/decide.ts";
import { removePins } from "../../rollback/pins.ts";
import { pin, release } from "../../rollback/rollback.ts";
import type { StackOptions } from "../../stack/name.ts";
import { type OpenStack, openStack } from "../../stack/open.ts";
import { probeArgsOf } from "../../stack/probe-args.ts";
import { outerEnvironment, runTool } from "./command.ts";
import { rollbackDifferences } from "./differences.ts";
import { confirmHost, type HostLimits, restartUnit, rollBackHost, unitJournal } from "./host-acts.ts";
import { type CallOperator, operatorOf } from "./operator.ts";

export interface StackActorOptions {
  readonly stack: StackOptions;
  readonly root: string;
  /** Directory with the private key of each role, named after it (PANTHEROS_OPERATOR_KEYS). */
  readonly keys: string | undefined;
  readonly roles: Plan["inventory"]["roles"];
  readonly env: NodeJS.ProcessEnv;
}

/** The acts that only a host's operator can do. */
const ON_HOSTS: readonly ActName[] = ["deploy.confirm", "service.restart"];

export class StackActor implements Actor {
  readonly #options: StackActorOptions;

  constructor(options: StackActorOptions) {
    this.#options = options;
  }

  unavailable(act: ActName, role: string): string | undefined {
    if (this.keyOf(role) !== undefined) return undefined;
    const isRollback = act === "rollback.host" || act === "rollback.wave";
    if (!ON_HOSTS.includes(act) && (!isRollback || role === OWNER)) return undefined;
    const { keys } = this.#options;
    return `this control centre has no operator key for the role ${role}: ${
      keys === undefined
        ? "set PANTHEROS_OPERATOR_KEYS to a directory with a private key for each role, named after it"
        : `${path.join(keys, role)} is missing`
    }, and put its public key into operator_keys of the role`;
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
    const context = await this.#open();
    return unitJournal(await this.#caller(context, host, by.role), unit, limitsOf(context));
  }

  async #perform(
    { act, host = "", wave, unit = "", reason }: ActRequest,
    by: Identity,
    progress: (line: string) => void,
  ): Promise<ActResult> {
    switch (act) {
      case "rollback.host":
        return this.#rollBack({ hosts: [host], wave: undefined }, by, progress);
      case "rollback.wave":
        return this.#rollBack({ hosts: [], wave }, by, progress);
      case "rollback.release": {
        const released = await release({ hosts: [host], wave: undefined }, await this.#open(), progress);
        return { ok: true, detail: `${released.join(" ")}: the next up deploys the flake's system again` };
      }
      case "deploy.confirm": {
        const context = await this.#open();
        return confirmHost(await this.#caller(context, host, by.role), limitsOf(context));
      }
      case "service.restart": {
        const context = await this.#open();
        return restartUnit(await this.#caller(context, host, by.role), unit, limitsOf(context));
      }
      case "run.preview":
        return this.#tool(["tools/pulumi", "preview", "--color", "never"], progress);
      case "run.up": {
        const words = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--color", "never"];
        return this.#tool(["tools/pulumi", ...words, "--message", reason], progress);
      }
    }
  }

  async #rollBack(requested: Requested, by: Identity, progress: (line: string) => void): Promise<ActResult> {
    if (this.keyOf(by.role) === undefined) {
      const selection = requested.wave === undefined ? requested.hosts.join(",") : `@wave${requested.wave}`;
      return this.#tool(["tools/pantheros", "rollback", "--on", selection], progress);
    }
    const context = await this.#open();
    // The pins come first: if this process ends now, the next `up` goes back as it was asked for.
    const { hosts, pins } = await pin(requested, context, progress);
    const results = await Promise.all(
      hosts.map(async (host) => {
        const wanted = pins[host];
        const result =
          wanted === undefined
            ? { ok: true, detail: "was left as it is" }
            : await this.#rollBackOne(context, host, { wanted, role: by.role });
        progress(`${host}: ${result.detail}`);
        return { host, ...result };
      }),
    );
    const failed = results.filter(({ ok }) => !ok);
    // A host that did not go back follows the flake, as before.
    if (failed.length > 0)
      await removePins(
        context.stack,
        failed.map(({ host }) => host),
      );
    const texts = results.map(({ host, detail }) => `${host}: ${detail}`);
    return failed.length === 0
      ? { ok: true, detail: `${texts.join("; ")}; pinned until the pin is released` }
      : { ok: false, detail: `${texts.join("; ")}; not pinned: ${failed.map(({ host }) => host).join(" ")}` };
  }

  async #rollBackOne(
    context: OpenStack,
    host: string,
    { wanted, role }: { readonly wanted: string; readonly role: string },
  ): Promise<ActResult> {
    try {
      return await rollBackHost(await this.#caller(context, host, role), wanted, limitsOf(context));
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : String(error) };
    }
  }

  /** @throws Error when the host's address or the role's key is unknown */
  async #caller({ plan, settings, outputs }: OpenStack, host: string, role: string): Promise<CallOperator> {
    const identity = this.keyOf(role);
    if (identity === undefined) throw new Error(this.unavailable("service.restart", role));
    const args = probeArgsOf({ plan, settings, outputs }, host, plan.inventory.deploy.seconds.connect);
    if (typeof args === "string") throw new Error(`${host}: ${args}`);
    return operatorOf(args, identity);
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

/** As the host itself limits them, and what it may take to go back. */
function limitsOf({ plan }: OpenStack): HostLimits {
  const { seconds, switchSeconds, healthSeconds, rebootSeconds } = plan.inventory.deploy;
  return {
    connect: seconds.connect,
    activation: switchSeconds * 2 + healthSeconds * 2 + 240,
    reboot: rebootSeconds * 2,
  };
}
