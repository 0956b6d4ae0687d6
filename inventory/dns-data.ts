/**
 * DNS record types whose content has fields. The inventory has the content in zone file form; the
 * vendor takes the fields as `data`. Names of the fields: Cloudflare API, "DNS Records", in camel
 * case.
 */
import { isIP } from "node:net";
import { messageOf } from "../lib/message-of.ts";

/**
 * `byte`: a number of 8 bits. `short`: of 16 bits. `word`: letters and digits. `params`: the rest
 * of the line.
 */
type FieldKind = "byte" | "short" | "word" | "text" | "hex" | "host" | "params";

export type RecordData = Readonly<Record<string, string | number>>;

interface DataType {
  /** In the order of the zone file form. */
  readonly fields: readonly (readonly [name: string, kind: FieldKind])[];
  /**
   * Where the vendor takes the field `priority`: in `data`, at the record itself, or in both.
   * `data` by default.
   */
  readonly priority?: "record" | "both";
}

const CERTIFICATE: DataType = {
  fields: [
    ["usage", "byte"],
    ["selector", "byte"],
    ["matchingType", "byte"],
    ["certificate", "hex"],
  ],
};

const SERVICE_BINDING: DataType = {
  fields: [
    ["priority", "short"],
    ["target", "host"],
    ["value", "params"],
  ],
};

const DATA_TYPES: Readonly<Record<string, DataType>> = {
  // RFC 8659, section 4.1
  CAA: {
    fields: [
      ["flags", "byte"],
      ["tag", "word"],
      ["value", "text"],
    ],
  },
  // RFC 4034, section 5.3
  DS: {
    fields: [
      ["keyTag", "short"],
      ["algorithm", "byte"],
      ["digestType", "byte"],
      ["digest", "hex"],
    ],
  },
  // RFC 9460, section 2.1
  HTTPS: SERVICE_BINDING,
  SVCB: SERVICE_BINDING,
  // RFC 8162, section 2, and RFC 6698, section 2.2
  SMIMEA: CERTIFICATE,
  TLSA: CERTIFICATE,
  // RFC 2782. Without the record's own priority, the provider plans a change at every run
  // (cloudflare/terraform-provider-cloudflare#6684).
  SRV: {
    fields: [
      ["priority", "short"],
      ["weight", "short"],
      ["port", "short"],
      ["target", "host"],
    ],
    priority: "both",
  },
  // RFC 4255, section 3.2
  SSHFP: {
    fields: [
      ["algorithm", "byte"],
      ["type", "byte"],
      ["fingerprint", "hex"],
    ],
  },
  // RFC 7553, section 4.5
  URI: {
    fields: [
      ["priority", "short"],
      ["weight", "short"],
      ["target", "text"],
    ],
    priority: "record",
  },
};

/** Whether the content of records of this type has fields. */
export const hasData = (type: string): boolean => Object.hasOwn(DATA_TYPES, type);

/** A host name, a service name such as `_sip._tcp.example.test`, or `.`. */
const HOST =
  /^(?=.{1,254}$)(\.|([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?)$/i;

/** A word, or a quoted string in which a backslash protects the next character (RFC 1035, section 5.1). */
const WORD = /(?:[^\s"\\]|\\.|"(?:[^"\\]|\\.)*")+/g;
const PARAMETER = /^([a-z0-9-]{1,63})(?:=(.*))?$/s;

const unquoted = (word: string): string =>
  word.replaceAll(
    /"((?:[^"\\]|\\.)*)"|\\(.)/g,
    (_, inside: string | undefined, escaped: string | undefined) =>
      inside === undefined ? (escaped ?? "") : inside.replaceAll(/\\(.)/g, "$1"),
  );

/** `weight` for `weight`, `matching type` for `matchingType`. */
const inWords = (field: string): string => field.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** The parameters of a service binding in the vendor's form: each value quoted. */
function parameters(words: readonly string[]): string {
  const seen = new Set<string>();
  const normal = words.map((word) => {
    const [, key = "", value] = PARAMETER.exec(word) ?? [];
    if (key === "") throw new Error(`"${word}" is not a parameter such as alpn="h3,h2"`);
    if (seen.has(key)) throw new Error(`the parameter ${key} is there twice`);
    seen.add(key);
    return value === undefined ? key : `${key}=${value.startsWith('"') ? value : `"${value}"`}`;
  });
  return normal.join(" ");
}

function fieldValue(name: string, kind: FieldKind, word: string): string | number {
  switch (kind) {
    case "byte":
    case "short": {
      const limit = kind === "byte" ? 255 : 65_535;
      if (!/^\d{1,5}$/.test(word) || Number(word) > limit)
        throw new Error(`the ${inWords(name)} "${word}" is not a number from 0 to ${limit}`);
      return Number(word);
    }
    case "hex":
      if (!/^([0-9a-f]{2})+$/i.test(word)) throw new Error(`the ${inWords(name)} is not hexadecimal`);
      return word.toLowerCase();
    case "host":
      if (isIP(word) !== 0) throw new Error(`the ${inWords(name)} is a name, not the address ${word}`);
      if (!HOST.test(word)) throw new Error(`the ${inWords(name)} "${word}" is not a host name`);
      return word === "." ? word : word.toLowerCase().replace(/\.$/, "");
    case "word":
      if (!/^[a-z0-9]+$/i.test(word))
        throw new Error(`the ${inWords(name)} "${word}" is not letters and digits`);
      return word.toLowerCase();
    default:
      return unquoted(word);
  }
}

/** The form of a type's content, for messages: `PRIORITY WEIGHT PORT TARGET`. */
const formOf = ({ fields }: DataType): string =>
  fields
    .map(([name, kind]) =>
      kind === "params" ? "[PARAMETERS]" : inWords(name).replaceAll(" ", "-").toUpperCase(),
    )
    .join(" ");

/**
 * The fields of a content in zone file form.
 * @throws Error with the reason when the content does not have the form of its type.
 */
export function parseRecordData(type: string, content: string): RecordData {
  const rules = DATA_TYPES[type];
  if (rules === undefined) throw new Error(`${type} records have no fields`);
  const words = content.match(WORD) ?? [];
  const rest = content.replaceAll(WORD, "").trim();
  if (rest !== "") throw new Error("a quote is not closed");
  const required = rules.fields.filter(([, kind]) => kind !== "params");
  const isOpen = required.length < rules.fields.length;
  // Long hexadecimal text may be in several words (RFC 4255, section 3.2).
  const isSplit = required.at(-1)?.[1] === "hex" && words.length > required.length;
  const given = isSplit
    ? [...words.slice(0, required.length - 1), words.slice(required.length - 1).join("")]
    : words;
  if (given.length < required.length || (!isOpen && given.length > required.length)) {
    throw new Error(`write "${formOf(rules)}"`);
  }
  return Object.fromEntries(
    rules.fields.map(([name, kind], at) => [
      name,
      kind === "params" ? parameters(given.slice(at)) : fieldValue(name, kind, given[at] ?? ""),
    ]),
  );
}

/** What is wrong with a content in zone file form; undefined: nothing. */
export function recordDataProblem(type: string, content: string): string | undefined {
  try {
    parseRecordData(type, content);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Fields -> content in zone file form; equal fields give equal contents. */
export function recordContent(type: string, data: Readonly<Record<string, unknown>>): string {
  return (DATA_TYPES[type]?.fields ?? [])
    .map(([name, kind]) => {
      const value = String(data[name] ?? "");
      return kind === "text" ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : value;
    })
    .join(" ")
    .trim();
}

/** The vendor's form of a content in zone file form. */
export function vendorData(type: string, content: string): { data: RecordData; priority?: number } {
  const data = parseRecordData(type, content);
  const { priority, ...rest } = data;
  const at = DATA_TYPES[type]?.priority;
  if (at === undefined) return { data };
  return { data: at === "both" ? data : rest, priority: Number(priority) };
}
