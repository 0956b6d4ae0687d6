/** What the image's first boot uses of the vendor's user data. */
export interface UserData {
  readonly hostname?: string;
  /** OpenSSH private key with its public half: the machine's host key until an installation replaces it. */
  readonly hostKey?: { readonly privateKey: string; readonly publicKey: string };
  readonly authorizedKeys: readonly string[];
}

/** The user data is invalid. cloud-init would log that and boot; the sandbox fails at once. */
export class UserDataError extends Error {
  constructor(message: string) {
    super(`user data: ${message}`);
    this.name = "UserDataError";
  }
}

type Value = string | readonly Value[] | { readonly [key: string]: Value };

interface Line {
  readonly indent: number;
  readonly text: string;
  readonly number: number;
}

/**
 * Parses the part of YAML that the program's cloud-config uses: maps and lists in block form, plain and quoted
 * scalars, literal blocks (`|`, `|-`). JSON, which is also YAML, is parsed as JSON.
 */
export function parseCloudConfig(text: string): Value {
  const [first = "", ...rest] = text.split("\n");
  if (!/^#cloud-config\s*$/.test(first)) throw new UserDataError("want #cloud-config on the first line");
  const body = rest.join("\n");
  if (body.trimStart().startsWith("{")) {
    try {
      return JSON.parse(body) as Value;
    } catch (error) {
      throw new UserDataError(`invalid JSON: ${(error as Error).message}`);
    }
  }
  const lines = rest.map((line, index) => ({
    indent: line.length - line.trimStart().length,
    text: line.trimEnd(),
    number: index + 2,
  }));
  const [value, next] = parseBlock(lines, skipBlank(lines, 0), 0);
  const extra = lines[skipBlank(lines, next)];
  if (extra !== undefined) throw new UserDataError(`line ${extra.number}: unexpected ${extra.text.trim()}`);
  return value;
}

function isBlank(line: Line): boolean {
  const text = line.text.trim();
  return text === "" || text.startsWith("#");
}

function skipBlank(lines: readonly Line[], from: number): number {
  let at = from;
  for (let line = lines[at]; line !== undefined && isBlank(line); line = lines[at]) at += 1;
  return at;
}

function parseBlock(lines: readonly Line[], from: number, atLeast: number): readonly [Value, number] {
  const first = lines[from];
  if (first === undefined || first.indent < atLeast) return ["", from];
  return /^\s*-(\s|$)/.test(first.text)
    ? parseList(lines, from, first.indent)
    : parseMap(lines, from, first.indent);
}

function parseList(lines: readonly Line[], from: number, indent: number): readonly [Value, number] {
  const items: Value[] = [];
  let at = from;
  for (let line = lines[at]; line !== undefined && line.indent === indent; line = lines[at]) {
    const match = /^\s*-\s+(.*)$/.exec(line.text);
    if (match === null) break;
    items.push(parseScalar(match[1] ?? "", line.number));
    at = skipBlank(lines, at + 1);
  }
  return [items, at];
}

function parseMap(lines: readonly Line[], from: number, indent: number): readonly [Value, number] {
  const map: Record<string, Value> = {};
  let at = from;
  for (let line = lines[at]; line !== undefined && line.indent === indent; line = lines[at]) {
    const match = /^\s*([A-Za-z0-9_.-]+):(?:\s+(.*))?$/.exec(line.text);
    const key = match?.[1];
    if (key === undefined) throw new UserDataError(`line ${line.number}: want "key: value"`);
    const rest = match?.[2] ?? "";
    if (/^\|[-+]?$/.test(rest)) {
      const [value, next] = parseLiteral(lines, at + 1, indent, rest);
      map[key] = value;
      at = skipBlank(lines, next);
    } else if (rest === "") {
      const next = skipBlank(lines, at + 1);
      const isListBelow = lines[next]?.indent === indent && /^\s*-(\s|$)/.test(lines[next]?.text ?? "");
      const [value, end] = parseBlock(lines, next, isListBelow ? indent : indent + 1);
      map[key] = value;
      at = skipBlank(lines, end);
    } else {
      map[key] = parseScalar(rest, line.number);
      at = skipBlank(lines, at + 1);
    }
  }
  return [map, at];
}

function parseLiteral(
  lines: readonly Line[],
  from: number,
  parent: number,
  style: string,
): readonly [string, number] {
  let at = from;
  const own: Line[] = [];
  for (let line = lines[at]; line !== undefined; line = lines[at]) {
    if (line.text.trim() !== "" && line.indent <= parent) break;
    own.push(line);
    at += 1;
  }
  const indent = own.find((line) => line.text.trim() !== "")?.indent ?? 0;
  const text = own.map((line) => line.text.slice(indent)).join("\n");
  return [style === "|-" ? text.trimEnd() : `${text.trimEnd()}\n`, at];
}

function parseScalar(text: string, line: number): Value {
  if (text.startsWith('"')) {
    try {
      return JSON.parse(text) as string;
    } catch {
      throw new UserDataError(`line ${line}: invalid quoted text`);
    }
  }
  if (text.startsWith("'")) return text.replace(/^'(.*)'$/, "$1").replaceAll("''", "'");
  if (/^[[{&*!>]/.test(text))
    throw new UserDataError(`line ${line}: not supported here: ${text.slice(0, 20)}`);
  return text.replace(/\s+#.*$/, "");
}

function isMap(value: Value | undefined): value is { readonly [key: string]: Value } {
  return typeof value === "object" && !Array.isArray(value);
}

function textOf(map: { readonly [key: string]: Value }, key: string): string | undefined {
  const value = map[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The settings that the image applies; ignores other keys, which are for software of a real image. */
export function readUserData(text: string): UserData {
  const root = parseCloudConfig(text);
  if (!isMap(root)) throw new UserDataError("want a map");
  const keys = root["ssh_authorized_keys"];
  const sshKeys = root["ssh_keys"];
  const privateKey = isMap(sshKeys) ? textOf(sshKeys, "ed25519_private") : undefined;
  const publicKey = isMap(sshKeys) ? textOf(sshKeys, "ed25519_public") : undefined;
  if ((privateKey === undefined) !== (publicKey === undefined)) {
    throw new UserDataError("ssh_keys: needs both ed25519_private and ed25519_public");
  }
  const hostname = textOf(root, "hostname");
  return {
    ...(hostname !== undefined && { hostname }),
    ...(privateKey === undefined || publicKey === undefined
      ? {}
      : { hostKey: { privateKey: `${privateKey.trimEnd()}\n`, publicKey: `${publicKey.trimEnd()}\n` } }),
    authorizedKeys: Array.isArray(keys) ? keys.filter((key): key is string => typeof key === "string") : [],
  };
}
