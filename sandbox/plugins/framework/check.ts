/** Checks and completes inputs before they are compared. */
import { createHash } from "node:crypto";
import type { Property } from "./resource.ts";
import { isObject, type Json, type Properties, UNKNOWN } from "./values.ts";

export interface Failure {
  property: string;
  reason: string;
}

function hasType(type: Property["type"], value: Json): boolean {
  if (type === "any") return true;
  if (type === "list") return Array.isArray(value);
  if (type === "map") return isObject(value);
  return typeof value === type;
}

/** The official plugins accept "22" for 22 and "true" for true, and 22 for "22". */
function coerced(type: Property["type"], value: Json): Json {
  if (typeof value === "string" && value !== UNKNOWN) {
    if (type === "number" && value.trim() !== "" && Number.isFinite(Number(value))) return Number(value);
    if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  }
  if (type === "string" && typeof value === "number") return String(value);
  return value;
}

/** Checks names, types and presence; returns the inputs in their types, and all failures. */
export function checkProperties(
  properties: Record<string, Property>,
  given: Properties,
): { inputs: Properties; failures: Failure[] } {
  const inputs: Properties = {};
  const failures: Failure[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("__")) continue;
    const property = properties[key];
    if (!property) {
      const known = Object.keys(properties).join(", ");
      failures.push({ property: key, reason: `not supported by this plugin; it takes ${known}` });
      continue;
    }
    const right = coerced(property.type, value);
    inputs[key] = right;
    if (right !== UNKNOWN && !hasType(property.type, right)) {
      failures.push({
        property: key,
        reason: `expected a ${property.type}, got ${JSON.stringify(right)?.slice(0, 40)}`,
      });
    }
  }
  for (const [key, property] of Object.entries(properties)) {
    if (property.required && inputs[key] === undefined)
      failures.push({ property: key, reason: "is required" });
  }
  return { inputs, failures };
}

/** "NAME-xxxxxxx". The engine's seed makes it the same in preview and update. */
export function automaticName(name: string, seed: Uint8Array): string {
  return `${name}-${createHash("sha256").update(seed).update(name).digest("hex").slice(0, 7)}`;
}
