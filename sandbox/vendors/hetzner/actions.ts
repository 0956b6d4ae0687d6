import { messageOf } from "../../../lib/message-of.ts";
import type { Log } from "../http.ts";
import type { Store } from "../store.ts";
import type { ActionRow, State } from "./state.ts";

interface ResourceReference {
  id: number;
  type: string;
}

const stamp = () => new Date().toISOString().replace(/\.\d+Z$/, "+00:00");

/** How many finished actions are kept; the vendor deletes old ones too. */
const KEEP_FINISHED = 2000;

/**
 * Actions begin as `running`, and end as `success` or `error` with their effect. Effects on the same machine
 * run one after another, in the order of their requests.
 */
export class Actions {
  readonly #store: Store<State>;
  readonly #log: Log;
  readonly #chains = new Map<string, Promise<void>>();

  constructor(store: Store<State>, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Starts an action and returns it, still running; effects of the same `machine` are queued. */
  start(
    command: string,
    resources: ResourceReference[],
    effect: () => Promise<void> | void = () => {},
    machine?: string,
  ): ActionRow {
    const action: ActionRow = {
      id: this.#store.data.nextId++,
      command,
      status: "running",
      progress: 0,
      started: stamp(),
      finished: null,
      error: null,
      resources,
    };
    this.#store.data.actions[action.id] = action;
    // The effect starts in a later turn of the event loop, so that the answer still says "running".
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    const before = machine === undefined ? turn() : (this.#chains.get(machine) ?? turn()).then(turn);
    const done = before.then(() => this.#finish(action, effect));
    if (machine !== undefined) this.#chains.set(machine, done);
    return { ...action };
  }

  /** Waits until all effects have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#chains.values());
  }

  /** Ends the actions that a killed emulator left running, after `recover` has finished their effects. */
  closeAbandoned(failedServers: ReadonlySet<number>): void {
    for (const action of Object.values(this.#store.data.actions)) {
      if (action.status !== "running") continue;
      const failed = action.resources.some(
        (resource) => resource.type === "server" && failedServers.has(resource.id),
      );
      this.#close(action, failed ? { code: "action_failed", message: "interrupted" } : null);
    }
  }

  async #finish(action: ActionRow, effect: () => Promise<void> | void): Promise<void> {
    try {
      action.progress = 50;
      await effect();
      this.#close(action, null);
    } catch (error) {
      const message = messageOf(error);
      this.#log(`action ${action.id} ${action.command} failed: ${message}`);
      this.#close(action, { code: "action_failed", message });
    }
    this.#prune();
    this.#store.commit();
  }

  #close(action: ActionRow, error: ActionRow["error"]): void {
    action.status = error === null ? "success" : "error";
    action.progress = 100;
    action.finished = stamp();
    action.error = error;
  }

  #prune(): void {
    const finished = Object.values(this.#store.data.actions).filter((action) => action.status !== "running");
    for (const action of finished.slice(0, Math.max(0, finished.length - KEEP_FINISHED))) {
      delete this.#store.data.actions[action.id];
    }
  }
}

/** The actions of one resource, for `/servers/{id}/actions`. */
export function actionsOf(state: State, type: string, id: number): ActionRow[] {
  return Object.values(state.actions).filter((action) =>
    action.resources.some((resource) => resource.type === type && resource.id === id),
  );
}
