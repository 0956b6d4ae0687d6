/** Calls a plugin as the engine does, without gRPC: check, then create, diff, update, read, delete. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hono } from "hono";
import type { Log } from "../../../sandbox/plugins/framework/engine-log.ts";
import { Provider } from "../../../sandbox/plugins/framework/provider.ts";
import type { Plugin } from "../../../sandbox/plugins/framework/resource.ts";
import type { Properties } from "../../../sandbox/plugins/framework/values.ts";
import { listen } from "../../../sandbox/vendors/http.ts";

export interface Live {
  type: string;
  name: string;
  id: string;
  inputs: Properties;
  outputs: Properties;
}

const urn = (type: string, name: string): string => `urn:pulumi:test::pantheros::${type}::${name}`;

export class Session<Client> {
  readonly lines: string[] = [];
  readonly cancel = new AbortController();
  readonly provider: Provider<Client>;

  constructor(plugin: Plugin<Client>, config: Properties) {
    const log: Log = {
      write: (_severity, message) => this.lines.push(message),
      flush: () => Promise.resolve(),
    };
    this.provider = new Provider(plugin, this.cancel.signal, () => log);
    this.provider.configure(config);
  }

  checked(type: string, name: string, given: Properties, old: Properties = {}): Properties {
    const { inputs, failures } = this.provider.check(urn(type, name), given, old, Buffer.from("seed"));
    if (failures.length > 0)
      throw new Error(failures.map(({ property, reason }) => `${property}: ${reason}`).join("; "));
    return inputs;
  }

  async create(type: string, name: string, given: Properties): Promise<Live> {
    const inputs = this.checked(type, name, given);
    const { id, outputs } = await this.provider.create({ urn: urn(type, name), timeout: 30 }, inputs);
    return { type, name, id, inputs, outputs };
  }

  /** The changed paths; "!" follows those that replace. */
  diff(live: Live, given: Properties, ignored: string[] = []): string[] {
    const inputs = this.checked(live.type, live.name, given, live.inputs);
    const found = this.provider.diff(urn(live.type, live.name), live.inputs, inputs, ignored);
    return found.map(({ path, replace }) => (replace ? `${path}!` : path));
  }

  async update(live: Live, given: Properties): Promise<Live> {
    const inputs = this.checked(live.type, live.name, given, live.inputs);
    const operation = { urn: urn(live.type, live.name), timeout: 30 };
    return { ...live, inputs, outputs: await this.provider.update(operation, live.id, live, inputs) };
  }

  async refresh(live: Live): Promise<Live | undefined> {
    const found = await this.provider.read({ urn: urn(live.type, live.name), timeout: 30 }, live.id, live);
    return found && { ...live, ...found };
  }

  /** Reads as `pulumi import` does, from the id alone. */
  async import(type: string, name: string, id: string): Promise<Live | undefined> {
    return this.refresh({ type, name, id, inputs: {}, outputs: {} });
  }

  delete(live: Live): Promise<void> {
    return this.provider.delete({ urn: urn(live.type, live.name), timeout: 30 }, live.id, live);
  }
}

/** Serves a vendor for one test file; returns its address and a function to close it. */
export async function vendor(app: Hono): Promise<{ url: string; close: () => Promise<void> }> {
  const { url, close } = await listen(app, "127.0.0.1", 0);
  return { url, close };
}

/** A folder that is removed after the test file. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "pantheros-plugins-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
