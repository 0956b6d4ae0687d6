/**
 * The few calls to Hetzner Cloud that are made beside Pulumi, by an installation: for what lasts only as long as it runs.
 * Source: Hetzner Cloud API (docs.hetzner.cloud), "Actions", "Errors", "Rate Limiting".
 */
import * as z from "zod";

/** Where the vendor's API is unless the stack's `hcloud:endpoint` says otherwise. */
export const hetznerEndpoint = "https://api.hetzner.cloud/v1";

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

/** When the vendor stops selling it; null: no end is announced. */
const deprecation = z.object({ announced: z.string(), unavailable_after: z.string() }).nullish();

const serverType = z.object({
  name: z.string(),
  architecture: z.enum(["x86", "arm"]),
  /** GB. */
  disk: z.number(),
  deprecation,
  /** Where it is sold. The API of before 2025-09-24 has no such list, that of before 2026-04-01 no `available`. */
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
  /** GB. It does not shrink, and a type with a smaller disk is refused. */
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

const failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** What the vendor said no with. */
export class HetznerError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(method: string, path: string, status: number, code: string, message: string) {
    super(`${method} ${path}: ${message} (${code}, HTTP ${status})`);
    this.name = "HetznerError";
    this.code = code;
    this.status = status;
  }
}

export interface HetznerApiArgs {
  readonly endpoint: string;
  readonly token: string;
  readonly fetch?: typeof globalThis.fetch;
  readonly sleep?: (ms: number) => Promise<void>;
  /** Tries of a call that the vendor could not answer; 4 when left out. */
  readonly tries?: number;
}

/** Milliseconds: one call; from one try or look to the next. Looks at an action. */
const callMs = 30_000;
const pauseMs = 1000;
const looks = 120;

export class HetznerApi {
  readonly #args: Required<HetznerApiArgs>;

  constructor(args: HetznerApiArgs) {
    const sleep = (ms: number) => new Promise<void>((resume) => setTimeout(resume, ms));
    this.#args = { fetch: globalThis.fetch, sleep, tries: 4, ...args };
  }

  /** One call; tried again when the network or the vendor fails, never when it says no. */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    const { endpoint, token, sleep, tries } = this.#args;
    for (let attempt = 1; ; attempt += 1) {
      const again = async (error: unknown) => {
        if (attempt === tries) throw error;
        await sleep(pauseMs * attempt);
      };
      let answer: Response;
      try {
        answer = await this.#args.fetch(`${endpoint}${path}`, {
          method,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(callMs),
        });
      } catch (error) {
        const { cause } = error as { cause?: unknown };
        await again(new Error(`${method} ${endpoint}${path}: ${cause ?? error}`));
        continue;
      }
      const text = await answer.text();
      const said: unknown = text === "" ? {} : parsed(text);
      if (answer.ok) return said;
      const { code, message } = failure.safeParse(said).data?.error ?? { code: "unknown", message: text };
      const error = new HetznerError(method, path, answer.status, code, message.slice(0, 300));
      if (answer.status < 500 && !["rate_limit_exceeded", "conflict", "locked"].includes(code)) throw error;
      await again(error);
    }
  }

  /** Waits until the actions of an answer have ended; throws what the vendor says of one that failed. */
  async settle(answer: unknown): Promise<void> {
    const shape = z.object({ action: action.nullish(), actions: z.array(action).nullish() });
    const { action: one, actions = [] } = shape.parse(answer);
    let running: Action[] = [...(one ? [one] : []), ...(actions ?? [])];
    for (let look = 0; ; look += 1) {
      for (const { status, command, error } of running) {
        if (status === "error")
          throw new Error(
            `${command ?? "action"}: ${error?.message ?? "failed"} (${error?.code ?? "unknown"})`,
          );
      }
      running = running.filter(({ status }) => status === "running");
      if (running.length === 0) return;
      if (look === looks)
        throw new Error(`${running[0]?.command ?? "action"}: not finished after ${looks} s`);
      await this.#args.sleep(pauseMs);
      const ids = running.map(({ id }) => `id=${id}`).join("&");
      running = z
        .object({ actions: z.array(action) })
        .parse(await this.call("GET", `/actions?${ids}`)).actions;
    }
  }

  async firewalls(selector: string): Promise<Firewall[]> {
    const answer = await this.call(
      "GET",
      `/firewalls?per_page=50&label_selector=${encodeURIComponent(selector)}`,
    );
    return z.object({ firewalls: z.array(firewall) }).parse(answer).firewalls;
  }

  async createFirewall(body: object): Promise<void> {
    await this.settle(await this.call("POST", "/firewalls", body));
  }

  /** Takes it off everything, then away. One that is gone is fine. */
  async removeFirewall({ id, applied_to: targets }: Firewall): Promise<void> {
    const gone = ["not_found", "firewall_already_removed", "firewall_resource_not_found"];
    const unlessGone = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof HetznerError && gone.includes(error.code))) throw error;
      }
    };
    if (targets.length > 0) {
      const from = targets.map(({ type, server, ...rest }) =>
        server ? { type, server: { id: server.id } } : { type, label_selector: rest["label_selector"] },
      );
      await unlessGone(async () =>
        this.settle(
          await this.call("POST", `/firewalls/${id}/actions/remove_from_resources`, { remove_from: from }),
        ),
      );
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await unlessGone(async () => void (await this.call("DELETE", `/firewalls/${id}`)));
      } catch (error) {
        // For a moment after its removal it still counts as in use.
        if (!(error instanceof HetznerError && error.code === "resource_in_use") || attempt === 15)
          throw error;
        await this.#args.sleep(pauseMs);
      }
    }
  }

  /** `running`, `off`, `starting`, …; undefined when there is no such server. */
  async serverStatus(id: number): Promise<string | undefined> {
    try {
      const answer = await this.call("GET", `/servers/${id}`);
      return z.object({ server: z.object({ status: z.string() }) }).parse(answer).server.status;
    } catch (error) {
      if (error instanceof HetznerError && error.code === "not_found") return undefined;
      throw error;
    }
  }

  async powerOn(id: number): Promise<void> {
    await this.settle(await this.call("POST", `/servers/${id}/actions/poweron`));
  }

  /** Every entry of a list, over all its pages. */
  async #list<T>(path: string, key: string, entry: z.ZodType<T>): Promise<T[]> {
    const found: T[] = [];
    for (let next: number | null = 1; next !== null; ) {
      const answer = await this.call(
        "GET",
        `${path}${path.includes("?") ? "&" : "?"}per_page=50&page=${next}`,
      );
      const { [key]: entries } = z.looseObject({ [key]: z.array(entry) }).parse(answer);
      found.push(...(entries as T[]));
      next = page.parse(answer).meta?.pagination.next_page ?? null;
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
      try {
        const answer = await this.call("GET", `/images/${nameOrId}`);
        return z.object({ image }).parse(answer).image.architecture === architecture;
      } catch (error) {
        if (error instanceof HetznerError && error.code === "not_found") return false;
        throw error;
      }
    }
    const query = new URLSearchParams({ name: nameOrId, architecture, include_deprecated: "true" });
    return (await this.#list(`/images?${query}`, "images", image)).length > 0;
  }

  /** Overwrites the server's disk with an image: what it was created with, keys and user data, holds again. */
  async rebuild(id: number, image: string): Promise<void> {
    await this.settle(await this.call("POST", `/servers/${id}/actions/rebuild`, { image }));
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
