/** Does acts: checks who may, writes the audit log before and after, and lets one act at a time touch a host. */
import { randomUUID } from "node:crypto";
import { messageOf } from "../../lib/message-of.ts";
import { oneLine } from "../../lib/sanitize.ts";
import { type Guard, guard, type Identity } from "../access/identity.ts";
import type { AuditLog } from "../audit/log.ts";
import type { Actor, ActResult } from "./actor.ts";
import { type ActName, type ActRequest, objectOf } from "./acts.ts";

/** An act was not begun. `status` is that of the HTTP answer. */
export class ActRefused extends Error {
  readonly status: 403 | 404 | 409 | 503;
  constructor(status: ActRefused["status"], reason: string) {
    super(reason);
    this.status = status;
  }
}

/** An act that was begun. */
export interface Act {
  readonly id: string;
  readonly request: ActRequest;
  readonly by: Identity;
  /** Milliseconds since 1970. */
  readonly begun: number;
  readonly lines: readonly string[];
  /** Undefined while it runs. */
  readonly result: ActResult | undefined;
}

interface Running extends Act {
  lines: string[];
  result: ActResult | undefined;
}

export interface ActRunnerOptions {
  readonly actor: Actor;
  readonly audit: Pick<AuditLog, "append">;
  /** Hosts of the stack with their waves; undefined: they are not known yet. */
  readonly hosts: () => readonly { readonly name: string; readonly wave: number }[] | undefined;
  /** Called after each change of an act, and with its end. */
  readonly changed?: (act: Act) => void;
  readonly guard?: Guard;
  readonly now?: () => number;
}

/** Ended acts that are kept for their pages; the audit log has all. */
const MAX_KEPT = 200;
const MAX_LINES = 500;

export class ActRunner {
  readonly actor: Actor;
  readonly #options: ActRunnerOptions;
  readonly #guard: Guard;
  readonly #acts = new Map<string, Running>();
  /** Host -> the act that has it. */
  readonly #busy = new Map<string, Running>();

  constructor(options: ActRunnerOptions) {
    this.#options = options;
    this.#guard = options.guard ?? guard;
    this.actor = options.actor;
  }

  get(id: string): Act | undefined {
    return this.#acts.get(id);
  }

  /** Acts that run now. */
  get running(): readonly Act[] {
    return [...this.#acts.values()].filter(({ result }) => result === undefined);
  }

  /**
   * Begins an act and returns at once.
   * @throws ActRefused with the reason. Nothing was done then; the audit log records the refusal, unless it cannot be written
   */
  begin(request: ActRequest, by: Identity): Act {
    const id = randomUUID();
    const entry = {
      act: id,
      who: by.who,
      door: by.door,
      role: by.role,
      capability: request.act,
      object: objectOf(request),
      reason: request.reason,
    };
    const refuse = (status: ActRefused["status"], reason: string): never => {
      try {
        this.#options.audit.append({ ...entry, result: "refused", detail: reason });
      } catch {
        // It is refused all the same.
      }
      throw new ActRefused(status, reason);
    };
    if (!this.#guard(by, request.act))
      refuse(403, `the role ${by.role} has not the capability ${request.act}`);
    const unavailable = this.actor.unavailable(request.act, by.role);
    if (unavailable !== undefined) refuse(409, unavailable);
    const hosts = this.#hostsOf(request);
    if (typeof hosts === "string") return refuse(404, hosts);
    for (const host of hosts) {
      const other = this.#busy.get(host);
      if (other !== undefined)
        refuse(409, `host ${host} is busy with ${other.request.act} of ${other.by.who}: wait for its end`);
    }
    try {
      this.#options.audit.append({ ...entry, result: "begun", detail: "" });
    } catch (error) {
      // The database may have the record although its copy failed: then it gets an end.
      refuse(503, `the audit log cannot be written, so nothing was done: ${messageOf(error)}`);
    }
    const act: Running = {
      id,
      request,
      by,
      begun: this.#options.now?.() ?? Date.now(),
      lines: [],
      result: undefined,
    };
    this.#acts.set(id, act);
    for (const host of hosts) this.#busy.set(host, act);
    void this.#perform(act).then((result) => {
      for (const host of hosts) this.#busy.delete(host);
      try {
        this.#options.audit.append({
          ...entry,
          result: result.ok ? "done" : "failed",
          detail: result.detail,
        });
        act.result = result;
      } catch (error) {
        const detail = `${result.detail}; the audit log could not be written: ${messageOf(error)}`;
        act.result = { ok: false, detail };
      }
      this.#forgetOld();
      this.#options.changed?.(act);
    });
    return act;
  }

  async #perform(act: Running): Promise<ActResult> {
    const progress = (line: string) => {
      if (act.lines.length < MAX_LINES) act.lines.push(oneLine(line, 500));
      this.#options.changed?.(act);
    };
    try {
      // Not in the call of `begin`, so that its caller has the act before it can end.
      await Promise.resolve();
      return await this.actor.perform(act.request, act.by, progress);
    } catch (error) {
      return { ok: false, detail: oneLine(messageOf(error), 1000) };
    }
  }

  /** Hosts that an act may touch, or why it cannot touch them. */
  #hostsOf({ act, host, wave }: ActRequest): readonly string[] | string {
    const known = this.#options.hosts();
    const isForHosts = host !== undefined || wave !== undefined || act === ("run.up" satisfies ActName);
    if (!isForHosts) return [];
    if (known === undefined) return "the hosts of the stack are not known yet: try again in a moment";
    if (host !== undefined)
      return known.some(({ name }) => name === host) ? [host] : `the stack has no host ${host}`;
    const found = wave === undefined ? known : known.filter((each) => each.wave === wave);
    return found.length > 0 ? found.map(({ name }) => name) : `the stack has no host in wave ${wave}`;
  }

  #forgetOld(): void {
    const ended = [...this.#acts.values()].filter(({ result }) => result !== undefined);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - MAX_KEPT))) this.#acts.delete(id);
  }
}
