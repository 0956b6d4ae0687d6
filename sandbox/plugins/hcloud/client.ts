/** Hetzner Cloud API: requests and waiting for actions (docs.hetzner.cloud, "Actions" and "Errors"). */
import { HttpClient, pause, VendorError } from "../framework/http.ts";
import type { Context } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";

/** Milliseconds in a duration such as "500ms", "2s" or "1m30s". */
export function milliseconds(duration: string): number {
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  let total = 0;
  for (const [, amount, unit] of duration.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    total += Number(amount) * (units[unit ?? ""] ?? 0);
  }
  if (total <= 0) throw new Error(`pollInterval: "${duration}" is not a duration such as "500ms" or "2s"`);
  return total;
}

interface Settings {
  endpoint: string;
  token: string;
  pollInterval: number;
  constantPoll: boolean;
}

export class Hetzner {
  readonly #http: HttpClient;
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#http = new HttpClient({
      base: settings.endpoint.replace(/\/$/, ""),
      headers: { authorization: `Bearer ${settings.token}` },
      // The vendor's Go client retries "conflict"; "locked" means that another action is running.
      retryCodes: ["conflict", "locked"],
      describe: (body) => {
        const error = object(object(body)["error"]);
        return { code: String(error["code"] ?? ""), message: String(error["message"] ?? "") };
      },
    });
  }

  async call(
    signal: AbortSignal,
    method: string,
    path: string,
    content: { body?: Json; query?: Record<string, string[]> } = {},
  ): Promise<Properties> {
    return object((await this.#http.request({ method, path, signal, ...content })).json);
  }

  /** The object under `key`; undefined when it does not exist. */
  async find(signal: AbortSignal, path: string, key: string): Promise<Properties | undefined> {
    try {
      return object((await this.call(signal, "GET", path))[key]);
    } catch (error) {
      if (error instanceof VendorError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Like find; throws when the object does not exist. */
  async get(signal: AbortSignal, path: string, key: string): Promise<Properties> {
    const found = await this.find(signal, path, key);
    if (found) return found;
    const message = `${key} not found`;
    throw new VendorError({ method: "GET", path, status: 404, code: "not_found", message });
  }

  /** Waits until all actions have ended and shows their progress; throws the error of a failed one. */
  async waitFor(context: Context<unknown>, actions: Properties[]): Promise<void> {
    let running = actions.filter((action) => action["id"] !== undefined);
    for (let polls = 0; ; polls += 1) {
      for (const action of running) if (action["status"] === "error") throw actionError(action);
      running = running.filter((action) => action["status"] === "running");
      if (running.length === 0) return;
      context.status(running.map((action) => `${action["command"]} ${action["progress"] ?? 0}%`).join(", "));
      const { pollInterval, constantPoll } = this.#settings;
      await pause(
        constantPoll ? pollInterval : Math.min(pollInterval * 2 ** Math.min(polls, 5), 10_000),
        context.signal,
      );
      const id = running.map((action) => String(action["id"]));
      running = objects((await this.call(context.signal, "GET", "/actions", { query: { id } }))["actions"]);
    }
  }

  /** Starts an action of an object and waits for it. */
  async runAction(context: Context<unknown>, path: string, body: Json = {}): Promise<void> {
    const answer = await this.call(context.signal, "POST", path, { body });
    await this.waitFor(context, [object(answer["action"]), ...objects(answer["actions"])]);
  }

  /** Deletes and waits for the action, if there is one; an object that does not exist is no error. */
  async remove(context: Context<unknown>, path: string): Promise<void> {
    try {
      const answer = await this.call(context.signal, "DELETE", path);
      await this.waitFor(context, [object(answer["action"])]);
    } catch (error) {
      if (!(error instanceof VendorError && error.status === 404)) throw error;
    }
  }
}

function actionError(action: Properties): Error {
  const { code, message } = object(action["error"]);
  return new Error(
    `action ${action["command"]} (${action["id"]}) failed: ${code ?? "unknown"}: ${message ?? "no reason given"}`,
  );
}

/** Retries while the object is in use, as the official provider does; at most 15 attempts. */
export async function retryWhileInUse(context: Context<unknown>, action: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      const inUse =
        error instanceof VendorError && ["resource_in_use", "must_be_unassigned"].includes(error.code);
      if (!inUse || attempt === 14) throw error;
      context.status("still in use, retrying");
      await pause(1000, context.signal);
    }
  }
}
