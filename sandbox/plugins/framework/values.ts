/**
 * Property values between the engine and a plugin.
 *
 * The engine sends protobuf structs in which secrets, unknown values and first-class outputs are objects or
 * strings with a signature. Plugins work on plain JSON; the secret paths are kept beside it and marked again
 * in the answer.
 * Signatures: pulumi/pulumi, sdk/go/common/resource/properties.go and sdk/go/common/resource/plugin/rpc.go.
 */
import structProto from "google-protobuf/google/protobuf/struct_pb.js";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Properties = { [key: string]: Json };

/** The placeholder of a value that is not known yet (in previews only). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
/** The engine's placeholders, one for each expected type; all mean the same to a plugin. */
const UNKNOWNS = new Set([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/**
 * Internal records of the official plugins that wrap a Terraform provider; any object of a state may have
 * them. They are skipped, or every such object would differ.
 * Sources: pulumi/pulumi-terraform-bridge, pkg/tfbridge/schema.go; the last in states of pulumi-hcloud 1.39.
 */
const BRIDGE_RECORDS = new Set(["__defaults", "__meta", "__pulumi_raw_state_delta"]);

/** The secret parts of a value: all of it (`true`), or some of its children. */
export type SecretTree = true | Map<string, SecretTree>;

/** Plain properties and the secret parts among them. */
export interface Decoded {
  values: Properties;
  secrets: Map<string, SecretTree>;
}

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as an object; empty when it is not one. */
export function object(value: Json | undefined): Properties {
  return isObject(value) ? value : {};
}

/** The value as a list of objects; empty when it is not a list. */
export function objects(value: Json | undefined): Properties[] {
  return Array.isArray(value) ? value.map(object) : [];
}

/** Whether a value is unknown or contains an unknown value. */
export function hasUnknown(value: Json | undefined): boolean {
  if (typeof value === "string") return value === UNKNOWN;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isObject(value) && Object.values(value).some(hasUnknown);
}

function unwrap(value: Json): [Json, SecretTree | undefined] {
  if (typeof value === "string") return [UNKNOWNS.has(value) ? UNKNOWN : value, undefined];
  if (Array.isArray(value)) {
    const tree = new Map<string, SecretTree>();
    const items = value.map((item, index) => {
      const [plain, secret] = unwrap(item);
      if (secret) tree.set(String(index), secret);
      return plain;
    });
    return [items, tree.size > 0 ? tree : undefined];
  }
  if (!isObject(value)) return [value, undefined];
  if (value[SIGNATURE] === SECRET) return [unwrap(value["value"] ?? null)[0], true];
  if (value[SIGNATURE] === OUTPUT) {
    const [plain, secret] = "value" in value ? unwrap(value["value"] ?? null) : [UNKNOWN, undefined];
    return [plain, value["secret"] === true ? true : secret];
  }
  const { values, secrets } = unwrapObject(value);
  return [values, secrets.size > 0 ? secrets : undefined];
}

function unwrapObject(object: Properties): Decoded {
  const values: Properties = {};
  const secrets = new Map<string, SecretTree>();
  for (const [key, item] of Object.entries(object)) {
    if (item === null || item === undefined || BRIDGE_RECORDS.has(key)) continue;
    const [plain, secret] = unwrap(item);
    values[key] = plain;
    if (secret) secrets.set(key, secret);
  }
  return { values, secrets };
}

/** Decodes a struct of the engine; no struct means no properties. */
export function decode(struct: structProto.Struct | undefined): Decoded {
  return unwrapObject((struct?.toJavaScript() ?? {}) as Properties);
}

function wrap(value: Json, secret: SecretTree | undefined): Json {
  if (secret === true) return { [SIGNATURE]: SECRET, value };
  if (Array.isArray(value)) return value.map((item, index) => wrap(item, secret?.get(String(index))));
  if (!isObject(value)) return value;
  return wrapObject(value, secret);
}

function wrapObject(values: Properties, secrets: Map<string, SecretTree> | undefined): Properties {
  const wrapped: Properties = {};
  for (const [key, item] of Object.entries(values)) {
    if (item !== undefined && item !== null) wrapped[key] = wrap(item, secrets?.get(key));
  }
  return wrapped;
}

/** Encodes properties for the engine and marks the `secrets`. */
export function encode(values: Properties, secrets?: Map<string, SecretTree>): structProto.Struct {
  return structProto.Struct.fromJavaScript(wrapObject(values, secrets) as never);
}

/** Compares two JSON values by content, whatever the order of object keys. */
export function sameValue(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => sameValue(item, right[index]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => sameValue(left[key], right[key]));
}
