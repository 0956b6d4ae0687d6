/** What a plugin declares: its configuration, its resources and its functions. */
import { messageOf } from "../../../lib/message-of.ts";
import type { Json, Properties } from "./values.ts";

/** The description of one input of a resource or function. */
export interface Property {
  type: "string" | "number" | "boolean" | "list" | "map" | "any";
  required?: boolean;
  /** A change of this input needs a new object. */
  replace?: boolean;
  /** The order of the list's items has no meaning. */
  set?: boolean;
  /** The vendor never returns it, so a read cannot detect drift. */
  writeOnly?: boolean;
  /** Always stored encrypted. */
  secret?: boolean;
  /** The vendor's value when it is absent; a different value at the vendor is drift. */
  default?: Json;
  /**
   * An absent input (`absent`), or also an empty list (`empty`), is no change and is not sent: the official
   * provider keeps the vendor's value. In Terraform's terms: an optional attribute (or block) that is also
   * computed, or whose difference is suppressed.
   */
  keptWhen?: "absent" | "empty";
  /** The normal form of a value, in which two spellings of it are equal; `inputs` are all inputs. */
  normalise?: (value: Json, inputs: Properties) => Json;
}

/** What an operation may use besides its inputs. */
export interface Context<Client> {
  client: Client;
  /** Aborted when the run is cancelled or the resource's own time limit has passed. */
  signal: AbortSignal;
  /** Shows a message beside the resource during the operation. */
  status(message: string): void;
}

/** An existing object: its id, the inputs that would create it, and the vendor's outputs. */
interface Found {
  id: string;
  inputs: Properties;
  outputs: Properties;
}

export interface Old {
  inputs: Properties;
  outputs: Properties;
}

export interface Update {
  old: Old;
  inputs: Properties;
  /** Names of the inputs that differ. */
  changed: Set<string>;
}

export interface Resource<Client> {
  properties: Record<string, Property>;
  /** Outputs that only the vendor (or the command) determines: unknown until the object is created. */
  computed: string[];
  /** The computed outputs that an update may change, given the changed inputs. Default: none. */
  volatile?: (changed: Set<string>) => string[];
  secretOutputs?: string[];
  /** Input that is "NAME-xxxxxxx" when absent. */
  autoname?: string;
  /** Rules beyond types; returns [input, reason] pairs. Inputs may hold UNKNOWN. */
  validate?: (inputs: Properties) => [string, string][];
  create(
    context: Context<Client>,
    inputs: Properties,
    name: string,
  ): Promise<{ id: string; outputs: Properties }>;
  /** Returns undefined when the object does not exist. Without `read` a refresh changes nothing. */
  read?: (context: Context<Client>, id: string, old: Old) => Promise<Found | undefined>;
  /** Returns all outputs. Without `update` there is nothing to send. */
  update?: (context: Context<Client>, id: string, update: Update) => Promise<Properties>;
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
  /** The official plugin wraps no Terraform provider. Those that wrap one keep the id among the outputs. */
  native?: boolean;
  /** Seconds that an operation may take unless the program sets a limit (default 1800). */
  limit?: number;
  /** Creates the client for a configuration. @throws Error when a required value is missing. */
  configure(config: Properties): Client;
  resources: Record<string, Resource<Client>>;
  functions?: Record<string, Invocation<Client>>;
}

/** The object exists but is incomplete: it must be kept in the state, with the reason. */
export class Incomplete extends Error {
  readonly id: string;
  readonly outputs: Properties;

  constructor(id: string, outputs: Properties, cause: unknown) {
    super(messageOf(cause));
    this.name = "Incomplete";
    this.id = id;
    this.outputs = outputs;
  }
}

export const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");
export const texts = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(String) : []);
export const number = (value: Json | undefined): number => Number(value ?? 0);
