/** What a plugin declares: its configuration, its resources and its functions. */
import type { Json, Properties } from "./values.ts";

/** What is known about one input of a resource or function. */
export interface Property {
  type: "string" | "number" | "boolean" | "list" | "map" | "any";
  required?: boolean;
  /** A change of this input needs a new object. */
  replace?: boolean;
  /** The order of the list's items has no meaning. */
  set?: boolean;
  /** The vendor never gives it back, so reading can't tell whether it changed. */
  writeOnly?: boolean;
  /** Stored encrypted, whatever the program says. */
  secret?: boolean;
  /** What the vendor uses when it is absent; a different value found there is drift. */
  default?: Json;
  /**
   * Left out (`absent`), or left out or without entries (`empty`), it is no change, and nothing is sent: the vendor's provider keeps
   * what is there. In Terraform's terms an optional attribute (or block) that is computed too, or whose difference is suppressed.
   */
  keptWhen?: "absent" | "empty";
  /** The form in which two spellings of the same thing are equal; `inputs` are those it stands among. */
  normalise?: (value: Json, inputs: Properties) => Json;
}

/** What an operation may use besides its inputs. */
export interface Context<Client> {
  client: Client;
  /** Aborted when the run is cancelled or the resource's own time limit has passed. */
  signal: AbortSignal;
  /** Shown beside the resource while it is worked on, and not kept. */
  status(message: string): void;
}

/** An existing object: its id, the inputs that would make it, and what only the vendor knows. */
interface Found {
  id: string;
  inputs: Properties;
  outputs: Properties;
}

export interface Old {
  inputs: Properties;
  outputs: Properties;
}

export interface Resource<Client> {
  properties: Record<string, Property>;
  /** Outputs that only the vendor (or the command that is run) determines: unknown until created. */
  computed: string[];
  /** Of those, the ones an update may change, given the inputs that change. Default: none. */
  volatile?: (changed: Set<string>) => string[];
  secretOutputs?: string[];
  /** Input that gets "NAME-xxxxxxx" when absent. */
  autoname?: string;
  /** Rules beyond types; returns [input, reason] pairs. Inputs may hold UNKNOWN. */
  validate?: (inputs: Properties) => [string, string][];
  /** Fills in what the vendor's own plugin fills in before a comparison. */
  defaults?: (inputs: Properties) => Properties;
  create(
    context: Context<Client>,
    inputs: Properties,
    name: string,
  ): Promise<{ id: string; outputs: Properties }>;
  /** Answers undefined when the object is gone. Absent: nothing to read, the state stands. */
  read?: (context: Context<Client>, id: string, old: Old) => Promise<Found | undefined>;
  /** Answers all outputs. `changed` holds the inputs that differ. Absent: there is nothing to update. */
  update?: (
    context: Context<Client>,
    id: string,
    old: Old,
    inputs: Properties,
    changed: Set<string>,
  ) => Promise<Properties>;
  delete(context: Context<Client>, id: string, old: Old): Promise<void>;
}

export interface Invocation<Client> {
  properties: Record<string, Property>;
  secretOutputs?: string[];
  run(context: Context<Client>, args: Properties): Promise<Properties>;
}

export interface Plugin<Client> {
  name: string;
  /** Config keys whose values arrive as JSON text (booleans, numbers, lists). */
  jsonConfig?: string[];
  /** Config keys that are secret in the state, as the official plugin's schema has them. */
  secretConfig?: string[];
  /** The official plugin wraps no Terraform provider. Those that do keep the id among the outputs, and read it there. */
  native?: boolean;
  /** Seconds an operation may take unless the program says otherwise (default 1800). */
  limit?: number;
  /** Makes the client for a configuration; throws when something it can't do without is missing. */
  configure(config: Properties): Client;
  resources: Record<string, Resource<Client>>;
  functions?: Record<string, Invocation<Client>>;
}

/** The object exists but is not as wanted: it must be kept in the state, with the reason. */
export class Incomplete extends Error {
  readonly id: string;
  readonly outputs: Properties;

  constructor(id: string, outputs: Properties, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.name = "Incomplete";
    this.id = id;
    this.outputs = outputs;
  }
}

export const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");
export const texts = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(String) : []);
export const number = (value: Json | undefined): number => Number(value ?? 0);
