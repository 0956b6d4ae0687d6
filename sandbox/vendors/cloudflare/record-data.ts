import { bad } from "./envelope.ts";

type Data = Record<string, unknown>;

/** A record type whose content the vendor computes from `data`. */
interface Structured {
  /** The required fields, with the check of each. */
  fields: Record<string, "byte" | "short" | "text" | "hex" | "host">;
  /** The content as the API answers it. */
  content(data: Data): string;
  /** Whether `priority` is a field of the record too. */
  priority?: boolean;
}

const text = (value: unknown) => String(value);

/** Types and their fields. Source: OpenAPI (`dns-records_*Record`), through cloudflare-typescript. */
const STRUCTURED: Record<string, Structured> = {
  CAA: {
    fields: { flags: "byte", tag: "text", value: "text" },
    content: (data) => `${text(data.flags)} ${text(data.tag)} "${text(data.value)}"`,
  },
  SSHFP: {
    fields: { algorithm: "byte", type: "byte", fingerprint: "hex" },
    content: (data) => `${text(data.algorithm)} ${text(data.type)} ${text(data.fingerprint)}`,
  },
  SRV: {
    fields: { priority: "short", weight: "short", port: "short", target: "host" },
    content: (data) => `${text(data.weight)} ${text(data.port)} ${text(data.target)}`,
    priority: true,
  },
  TLSA: {
    fields: { usage: "byte", selector: "byte", matching_type: "byte", certificate: "hex" },
    content: (data) => [data.usage, data.selector, data.matching_type, data.certificate].map(text).join(" "),
  },
  DS: {
    fields: { key_tag: "short", algorithm: "byte", digest_type: "byte", digest: "hex" },
    content: (data) => [data.key_tag, data.algorithm, data.digest_type, data.digest].map(text).join(" "),
  },
  HTTPS: {
    fields: { priority: "short", target: "host", value: "text" },
    content: (data) => `${text(data.priority)} ${text(data.target)} ${text(data.value)}`.trim(),
  },
  URI: {
    fields: { weight: "short", target: "text" },
    content: (data) => `${text(data.weight)} "${text(data.target)}"`,
    priority: true,
  },
};
STRUCTURED.SVCB = STRUCTURED.HTTPS as Structured;
STRUCTURED.SMIMEA = STRUCTURED.TLSA as Structured;

export const isStructured = (type: string): boolean => type in STRUCTURED;

export const hostName = (value: string) => (value === "." ? value : value.replace(/\.$/, "").toLowerCase());

function checked(type: string, field: string, kind: Structured["fields"][string], value: unknown): unknown {
  const fault = (why: string) => bad(9101, `data.${field} of a ${type} record ${why}.`);
  if (kind === "byte" || kind === "short") {
    const limit = kind === "byte" ? 255 : 65_535;
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number) || number < 0 || number > limit) {
      throw fault(`must be a number from 0 to ${limit}`);
    }
    return number;
  }
  if (typeof value !== "string") throw fault("is required and must be a string");
  if (kind === "hex" && !/^([0-9a-f]{2})+$/i.test(value)) throw fault("must be hexadecimal");
  if (kind === "host" && !/^(\.|[A-Za-z0-9_*-]+(\.[A-Za-z0-9_-]+)*\.?)$/.test(value))
    throw fault("must be a host name");
  return kind === "host" ? hostName(value) : value;
}

/** Checks `data` and computes `content` and `priority` from it. @throws CloudflareError when it is invalid. */
export function fromData(
  type: string,
  data: unknown,
  priority: unknown,
): { data: Data; content: string; priority?: number } {
  const rules = STRUCTURED[type];
  if (rules === undefined || typeof data !== "object" || data === null) {
    throw bad(9101, `A ${type} record requires a data object.`);
  }
  const given = data as Data;
  const entries = Object.entries(rules.fields).map(([field, kind]) => {
    const value = field === "priority" ? (given.priority ?? priority) : given[field];
    return [field, checked(type, field, kind, field === "value" ? (value ?? "") : value)];
  });
  const clean = Object.fromEntries(entries) as Data;
  const order = rules.priority ? (clean.priority ?? checked(type, "priority", "short", priority)) : undefined;
  return {
    data: clean,
    content: rules.content(clean),
    ...(order !== undefined && { priority: Number(order) }),
  };
}
