/** Serves the engine's requests from the declared resources; server.ts has the protocol. */
import { automaticName, checkProperties, type Failure } from "./check.ts";
import { changedInputs, type Difference, differences, inputsAfterRead } from "./diff.ts";
import type { Log } from "./engine-log.ts";
import { type Context, Incomplete, type Old, type Plugin, type Property, type Resource } from "./resource.ts";
import { hasUnknown, type Properties, type SecretTree, UNKNOWN } from "./values.ts";

/** Seconds that one operation may take when neither the program nor the plugin sets a limit. */
const DEFAULT_LIMIT = 1800;

interface Operation {
  urn: string;
  /** Seconds; 0 means the default. */
  timeout: number;
}

const typeOf = (urn: string): string => urn.split("::")[2]?.split("$").at(-1) ?? "";
const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

export class Provider<Client> {
  readonly plugin: Plugin<Client>;
  readonly #cancelled: AbortSignal;
  readonly #log: () => Log;
  #client: Client | undefined;

  constructor(plugin: Plugin<Client>, cancelled: AbortSignal, log: () => Log) {
    this.plugin = plugin;
    this.#cancelled = cancelled;
    this.#log = log;
  }

  /** Stores the provider's arguments; arguments that are not text arrive as JSON text. */
  configure(args: Properties): void {
    const config: Properties = {};
    for (const [key, value] of Object.entries(args)) {
      if (key.startsWith("__") || key === "version" || key === "pluginDownloadURL") continue;
      const isJson = this.plugin.jsonConfig?.includes(key) && typeof value === "string" && value !== UNKNOWN;
      config[key] = isJson ? JSON.parse(value) : value;
    }
    this.#client = this.plugin.configure(config);
  }

  resource(urn: string): Resource<Client> {
    const type = typeOf(urn);
    const resource = this.plugin.resources[type];
    if (resource) return resource;
    const known = Object.keys(this.plugin.resources).join(", ");
    throw new Error(`the sandbox plugin "${this.plugin.name}" has no resource type ${type}; it has ${known}`);
  }

  check(
    urn: string,
    given: Properties,
    old: Properties,
    seed: Uint8Array,
  ): { inputs: Properties; failures: Failure[] } {
    const resource = this.resource(urn);
    const named = { ...given };
    const autoname = resource.autoname;
    if (autoname && named[autoname] === undefined) {
      named[autoname] = old[autoname] ?? automaticName(nameOf(urn), seed);
    }
    const { inputs, failures } = checkProperties(resource.properties, named);
    const invalid = resource.validate?.(inputs) ?? [];
    return {
      inputs,
      failures: [...failures, ...invalid.map(([property, reason]) => ({ property, reason }))],
    };
  }

  diff(urn: string, old: Properties, inputs: Properties, ignored: string[]): Difference[] {
    return differences(this.resource(urn).properties, old, inputs, ignored);
  }

  /** Outputs in a preview: the inputs, and unknown values for what only the vendor determines. */
  previewCreate(urn: string, inputs: Properties): Properties {
    const unknown = this.resource(urn).computed.map((key) => [key, UNKNOWN]);
    return { ...Object.fromEntries(unknown), ...inputs };
  }

  previewUpdate(urn: string, old: Old, inputs: Properties): Properties {
    const resource = this.resource(urn);
    const changed = changedInputs(resource.properties, old.inputs, inputs);
    const unknown = (resource.volatile?.(changed) ?? []).map((key) => [key, UNKNOWN]);
    return { ...this.#vendorOutputs(resource, old, inputs), ...Object.fromEntries(unknown), ...inputs };
  }

  async create(operation: Operation, inputs: Properties): Promise<{ id: string; outputs: Properties }> {
    const resource = this.resource(operation.urn);
    this.#refuseUnknown(inputs);
    return this.#run(operation, async (context) => {
      try {
        const { id, outputs } = await resource.create(context, inputs, nameOf(operation.urn));
        return { id, outputs: this.#stateOf(id, inputs, outputs) };
      } catch (error) {
        if (!(error instanceof Incomplete)) throw error;
        throw new Incomplete(error.id, this.#stateOf(error.id, {}, error.outputs), error);
      }
    });
  }

  /** Returns undefined when the object does not exist. */
  async read(operation: Operation, id: string, old: Old): Promise<(Old & { id: string }) | undefined> {
    const resource = this.resource(operation.urn);
    const read = resource.read;
    if (!read) return { id, ...old };
    // Without a state it is an import, whatever the inputs: inputs that the vendor does not return are lost.
    // Source: pulumi-terraform-bridge v3, pkg/tfbridge/provider.go, Read (`isRefresh`).
    const known =
      this.plugin.native || Object.keys(old.outputs).length > 0 ? old : { inputs: {}, outputs: {} };
    const found = await this.#run(operation, (context) => read(context, id, known));
    if (!found) return undefined;
    const inputs = inputsAfterRead(resource.properties, known.inputs, found.inputs);
    return { id: found.id, inputs, outputs: this.#stateOf(found.id, inputs, found.outputs) };
  }

  async update(operation: Operation, id: string, old: Old, inputs: Properties): Promise<Properties> {
    const resource = this.resource(operation.urn);
    this.#refuseUnknown(inputs);
    const changed = changedInputs(resource.properties, old.inputs, inputs);
    const update = resource.update;
    if (!update) return this.#stateOf(id, this.#vendorOutputs(resource, old, inputs), inputs);
    const outputs = await this.#run(operation, (context) => update(context, id, { old, inputs, changed }));
    return this.#stateOf(id, inputs, outputs);
  }

  async delete(operation: Operation, id: string, old: Old): Promise<void> {
    const resource = this.resource(operation.urn);
    await this.#run(operation, (context) => resource.delete(context, id, old));
  }

  async invoke(token: string, given: Properties): Promise<{ outputs: Properties; failures: Failure[] }> {
    const invocation = this.plugin.functions?.[token];
    if (!invocation) {
      const known = Object.keys(this.plugin.functions ?? {}).join(", ") || "none";
      throw new Error(`the sandbox plugin "${this.plugin.name}" has no function ${token}; it has ${known}`);
    }
    const { inputs, failures } = checkProperties(invocation.properties, given);
    if (failures.length > 0) return { outputs: {}, failures };
    const outputs = await this.#run({ urn: "", timeout: 0 }, (context) => invocation.run(context, inputs));
    return { outputs, failures };
  }

  /** The secret outputs: those whose inputs were secret, and those that the resource or function declares. */
  secrets(
    inputs: Map<string, SecretTree>,
    properties: Record<string, Property>,
    outputs: string[] = [],
  ): Map<string, SecretTree> {
    const secrets = new Map(inputs);
    for (const [key, property] of Object.entries(properties)) if (property.secret) secrets.set(key, true);
    for (const key of outputs) secrets.set(key, true);
    return secrets;
  }

  #stateOf(id: string, inputs: Properties, outputs: Properties): Properties {
    return { ...inputs, ...outputs, ...(!this.plugin.native && { id }) };
  }

  #vendorOutputs(resource: Resource<Client>, old: Old, inputs: Properties): Properties {
    const isInput = (key: string) => key in resource.properties && !resource.computed.includes(key);
    return Object.fromEntries(Object.entries(old.outputs).filter(([key]) => !isInput(key) || key in inputs));
  }

  #refuseUnknown(inputs: Properties): void {
    const unknown = Object.keys(inputs).filter((key) => hasUnknown(inputs[key]));
    if (unknown.length > 0) throw new Error(`inputs not known at update time: ${unknown.join(", ")}`);
  }

  async #run<Result>(
    operation: Operation,
    body: (context: Context<Client>) => Promise<Result>,
  ): Promise<Result> {
    if (this.#client === undefined) throw new Error(`the plugin "${this.plugin.name}" is not configured`);
    const seconds = operation.timeout || (this.plugin.limit ?? DEFAULT_LIMIT);
    const log = this.#log();
    const limit = new AbortController();
    const timer = setTimeout(
      () => limit.abort(new Error(`not finished within ${seconds} seconds`)),
      seconds * 1000,
    );
    try {
      return await body({
        client: this.#client,
        signal: AbortSignal.any([this.#cancelled, limit.signal]),
        status: (message) => log.write("info", message, operation.urn, true),
      });
    } finally {
      clearTimeout(timer);
      await log.flush();
    }
  }
}
