/**
 * Requests to Hetzner Cloud outside Pulumi: the preflight checks, an installation's temporary SSH rule and rebuild, recovery.
 * Source: Hetzner Cloud API (docs.hetzner.cloud), "Actions", "Errors", "Rate Limiting".
 */
import * as z from "zod";
import { type RequestOptions, VendorApi, VendorError } from "../vendor-api.ts";

/** The vendor's own; the stack's `hcloud:endpoint` wins. */
export const HETZNER_ENDPOINT = "https://api.hetzner.cloud/v1";

const action = z.object({
  id: z.number(),
  command: z.string().optional(),
  status: z.enum(["running", "success", "error"]),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
});
type Action = z.infer<typeof action>;

const firewall = z.object({
  id: z.number(),
  applied_to: z.array(z.object({ type: z.string(), server: z.object({ id: z.number() }).nullish() }).loose()),
});
export type Firewall = z.infer<typeof firewall>;

/** When the vendor stops selling it; null: no date is announced. */
const deprecation = z.object({ announced: z.string(), unavailable_after: z.string() }).nullish();

const serverType = z.object({
  name: z.string(),
  architecture: z.enum(["x86", "arm"]),
  /** GB. */
  disk: z.number(),
  deprecation,
  /** Locations that sell it. The list exists since 2025-09-24, `available` since 2026-04-01. */
  locations: z
    .array(z.object({ name: z.string(), available: z.boolean().default(true), deprecation }))
    .optional(),
});
export type ServerType = z.infer<typeof serverType>;

const server = z.object({
  id: z.number(),
  name: z.string(),
  status: z.string(),
  server_type: z.object({ name: z.string(), architecture: z.enum(["x86", "arm"]) }),
  /** GB. It never shrinks: the vendor refuses a type with a smaller disk. */
  primary_disk_size: z.number(),
  location: z.object({ name: z.string() }).nullish(),
  labels: z.record(z.string(), z.string()),
  public_net: z.object({
    ipv4: z.object({ ip: z.string() }).nullish(),
    ipv6: z.object({ ip: z.string() }).nullish(),
  }),
});
export type Server = z.infer<typeof server>;

const page = z.object({
  meta: z.object({ pagination: z.object({ next_page: z.number().nullable() }) }).optional(),
});

const failure = z
  .object({ error: z.object({ code: z.string(), message: z.string() }) })
  .transform(({ error }) => error);

/** Codes of refusals that pass by themselves: another action holds the resource. */
const TEMPORARY = ["conflict", "locked"];
/** Codes that mean: what was to be removed does not exist or is not attached. */
const GONE = ["not_found", "firewall_already_removed", "firewall_resource_not_found"];

/** One second, so the number of polls is also the limit in seconds. */
const POLL_MS = 1000;
const MAX_POLLS = 120;
/** A firewall that was just detached is `resource_in_use` for a moment. */
const MAX_FIREWALL_DELETIONS = 15;

const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof VendorError && codes.includes(error.code ?? "");

export class HetznerApi extends VendorApi {
  constructor({ endpoint, token, ...options }: RequestOptions & { endpoint: string; token: string }) {
    super({
      ...options,
      vendor: "Hetzner Cloud",
      endpoint,
      token: () => token,
      failure,
      temporary: TEMPORARY,
    });
  }

  /**
   * Waits until the actions of an answer have ended.
   * @throws Error with the vendor's reason when one failed
   */
  async waitForActions(answer: unknown): Promise<void> {
    const shape = z.object({ action: action.nullish(), actions: z.array(action).nullish() });
    const { action: one, actions } = shape.parse(answer);
    let running: Action[] = [...(one ? [one] : []), ...(actions ?? [])];
    for (let polls = 0; ; polls += 1) {
      for (const { status, command = "action", error } of running) {
        const reason = error ? `${error.message} (${error.code})` : "failed";
        if (status === "error") throw new Error(`Hetzner Cloud: ${command}: ${reason}`);
      }
      running = running.filter(({ status }) => status === "running");
      const [next] = running;
      if (next === undefined) return;
      if (polls === MAX_POLLS)
        throw new Error(`Hetzner Cloud: ${next.command ?? "action"}: not finished after ${MAX_POLLS} s`);
      await this.sleep(POLL_MS);
      const ids = running.map(({ id }) => `id=${id}`).join("&");
      running = (await this.read(z.object({ actions: z.array(action) }), "GET", `/actions?${ids}`)).actions;
    }
  }

  firewalls(selector: string): Promise<Firewall[]> {
    return this.#list(`/firewalls?label_selector=${encodeURIComponent(selector)}`, "firewalls", firewall);
  }

  async createFirewall(body: object): Promise<void> {
    await this.waitForActions(await this.request("POST", "/firewalls", body));
  }

  /** Detaches the firewall from everything and deletes it. It may be gone already. */
  async removeFirewall({ id, applied_to: targets }: Firewall): Promise<void> {
    if (targets.length > 0) {
      const from = targets.map(({ type, server, ...rest }) =>
        server ? { type, server: { id: server.id } } : { type, label_selector: rest["label_selector"] },
      );
      try {
        const path = `/firewalls/${id}/actions/remove_from_resources`;
        await this.waitForActions(await this.request("POST", path, { remove_from: from }));
      } catch (error) {
        if (!hasCode(error, ...GONE)) throw error;
      }
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.request("DELETE", `/firewalls/${id}`);
        return;
      } catch (error) {
        if (!hasCode(error, "resource_in_use") || attempt === MAX_FIREWALL_DELETIONS) throw error;
        await this.sleep(POLL_MS);
      }
    }
  }

  /** `running`, `off`, `starting`, …; undefined when there is no such server. */
  async serverStatus(id: number): Promise<string | undefined> {
    const shape = z.object({ server: z.object({ status: z.string() }) });
    return (await this.#find(shape, `/servers/${id}`))?.server.status;
  }

  async powerOn(id: number): Promise<void> {
    await this.waitForActions(await this.request("POST", `/servers/${id}/actions/poweron`));
  }

  /** An object; undefined when it does not exist. */
  async #find<T>(shape: z.ZodType<T>, path: string): Promise<T | undefined> {
    try {
      return await this.read(shape, "GET", path);
    } catch (error) {
      if (hasCode(error, "not_found")) return undefined;
      throw error;
    }
  }

  /** All entries of a list, from all its pages. */
  async #list<T>(path: string, key: string, entry: z.ZodType<T>): Promise<T[]> {
    const found: T[] = [];
    for (let next: number | null = 1; next !== null; ) {
      const separator = path.includes("?") ? "&" : "?";
      const shape = z.intersection(page, z.looseObject({ [key]: z.array(entry) }));
      const answer: z.infer<typeof shape> = await this.read(
        shape,
        "GET",
        `${path}${separator}per_page=50&page=${next}`,
      );
      found.push(...(answer[key] as T[]));
      next = answer.meta?.pagination.next_page ?? null;
    }
    return found;
  }

  serverTypes(): Promise<ServerType[]> {
    return this.#list("/server_types", "server_types", serverType);
  }

  servers(selector: string): Promise<Server[]> {
    return this.#list(`/servers?label_selector=${encodeURIComponent(selector)}`, "servers", server);
  }

  /** Whether there is an image of that name or id for that architecture, deprecated or not. */
  async hasImage(nameOrId: string, architecture: ServerType["architecture"]): Promise<boolean> {
    const image = z.object({ architecture: z.string() });
    if (/^\d+$/.test(nameOrId)) {
      const found = await this.#find(z.object({ image }), `/images/${nameOrId}`);
      return found?.image.architecture === architecture;
    }
    const query = new URLSearchParams({ name: nameOrId, architecture, include_deprecated: "true" });
    return (await this.#list(`/images?${query}`, "images", image)).length > 0;
  }

  /** Overwrites the server's disk with an image. The keys and the user data of its creation apply again. */
  async rebuild(id: number, image: string): Promise<void> {
    await this.waitForActions(await this.request("POST", `/servers/${id}/actions/rebuild`, { image }));
  }
}
