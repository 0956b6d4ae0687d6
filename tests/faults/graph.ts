/** The resources of a small stack with their inputs, as this version of the program registers them. */
import { readFileSync } from "node:fs";
import { IGNORED_COMMAND_INPUTS } from "../../components/command-inputs.ts";
import { WITH_WEB } from "./fleet.ts";
import { World } from "./world.ts";

type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
/** Without the stack's prefix: parent types, type and name. */
type Graph = Record<string, { readonly parent: string; readonly inputs: Value }>;

interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly inputs?: Record<string, Value>;
}

/** The engine's mark of a secret value. Source: pulumi/pulumi, sdk/go/common/resource/sig.go. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** Names that end in a hash of a key are new in each stack. */
const shortUrn = (urn = ""): string =>
  urn
    .split("::")
    .slice(2)
    .join("::")
    .replace(/-[0-9a-f]{12}$/, "-*");

/** Ids of the emulated Hetzner API depend on the order of requests, which differs between runs. */
const HETZNER_ID = /^1\d{6}$/;

/** Secrets are encrypted, so that only their presence can be compared. */
function plain(value: Value): Value {
  if (HETZNER_ID.test(String(value))) return "*";
  if (typeof value === "string") return value.replace(process.cwd(), "REPOSITORY");
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  if (SIGNATURE in value) return "[secret]";
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

function graphOf(stackFile: string): Graph {
  const { checkpoint } = JSON.parse(readFileSync(stackFile, "utf8")) as {
    checkpoint: { latest: { resources: readonly StateResource[] } };
  };
  const entries = checkpoint.latest.resources.map(({ urn, type, parent, inputs = {} }) => {
    // Inputs that never cause a change, by ignoreChanges.
    const skipped = type === "command:local:Command" ? IGNORED_COMMAND_INPUTS : [];
    const counted = Object.entries(inputs).filter(([key]) => !skipped.includes(key));
    return [shortUrn(urn), { parent: shortUrn(parent), inputs: plain(Object.fromEntries(counted)) }] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Brings a stack up from an empty account. */
export async function freshGraph(): Promise<Graph> {
  const world = await World.make("sandbox");
  try {
    await world.write(WITH_WEB);
    await world.startVendors();
    const up = await world.up();
    if (up.code !== 0) throw new Error(up.output);
    return graphOf(world.file("pulumi/.pulumi/stacks/pantheros/faults.json"));
  } finally {
    await world.remove();
  }
}

/** What both have; "*" where they differ. */
export function common(a: Value | undefined, b: Value | undefined): Value {
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    return a.map((part, at) => common(part, b[at]));
  }
  if (isObject(a) && isObject(b) && Object.keys(a).sort().join() === Object.keys(b).sort().join()) {
    return Object.fromEntries(Object.keys(a).map((key) => [key, common(a[key], b[key])]));
  }
  return a === b && a !== undefined ? a : "*";
}

const isObject = (value: Value | undefined): value is { readonly [key: string]: Value } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
