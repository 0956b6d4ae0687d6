/**
 * Reads a known_hosts file as OpenSSH does.
 * Sources: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; hostfile.c (hostkeys_foreach) and match.c of
 * OpenSSH 9.2.
 */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { messageOf } from "../lib/message-of.ts";
import { parseSshPublicKey } from "../lib/ssh-public-key.ts";
import { SSH_PORT } from "./primitives.ts";

/** `revoked`: the key is never accepted. `authority`: the key signs host keys, and is not one itself. */
type Marker = "revoked" | "authority";

interface Entry {
  /** Number of the line, from 1. */
  readonly line: number;
  readonly marker: Marker | undefined;
  /** The field as written: names and patterns, or one hashed name. */
  readonly hosts: string;
  /** `type base64` */
  readonly key: string;
}

interface SkippedLine {
  readonly line: number;
  readonly hosts: string;
  readonly reason: string;
}

export interface KnownHosts {
  /** The file's name, for messages. */
  readonly file: string;
  readonly entries: readonly Entry[];
  /** Lines that OpenSSH ignores too. */
  readonly skipped: readonly SkippedLine[];
}

const MARKERS: Readonly<Record<string, Marker>> = {
  "@revoked": "revoked",
  "@cert-authority": "authority",
};

/** The line's entry, or why it has none. */
function readLine(line: number, text: string): Entry | SkippedLine {
  const words = text.split(/[ \t]+/);
  const first = words[0] ?? "";
  const marked = first.startsWith("@");
  const [hosts = "", type, blob] = marked ? words.slice(1) : words;
  const skip = (reason: string): SkippedLine => ({ line, hosts, reason });
  const marker = marked && Object.hasOwn(MARKERS, first) ? MARKERS[first] : undefined;
  if (marker !== undefined && text[first.length] === "\t" && text.includes(" ")) {
    return skip(`a tab after ${first}; OpenSSH reads a marker up to the first blank, so write a blank`);
  }
  if (marked && marker === undefined) {
    return skip(`unknown marker "${first}"; use ${Object.keys(MARKERS).join(" or ")}`);
  }
  if (hosts.startsWith("@")) return skip("two markers; write one line for each");
  if (hosts.startsWith("|") && hashParts(hosts) === undefined) {
    return skip('not a hashed name of the form "|1|salt|hash"');
  }
  if (type === undefined || blob === undefined) {
    return skip('no key; write "NAME ssh-ed25519 AAAA…" on one line');
  }
  try {
    return { line, marker, hosts, key: parseSshPublicKey(`${type} ${blob}`).line };
  } catch (error) {
    return skip(messageOf(error));
  }
}

/** Reads the text of a known_hosts file; `file` is its name for messages. */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  const read = text.split("\n").flatMap((raw, at): (Entry | SkippedLine)[] => {
    const line = raw.trim();
    return line === "" || line.startsWith("#") ? [] : [readLine(at + 1, line)];
  });
  return {
    file,
    entries: read.filter((each): each is Entry => "key" in each),
    skipped: read.filter((each): each is SkippedLine => "reason" in each),
  };
}

/** Reads a known_hosts file. A missing file counts as empty, because not every fleet needs one. */
export function readKnownHosts(file: string): KnownHosts {
  try {
    return parseKnownHosts(readFileSync(file, "utf8"), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return parseKnownHosts("", file);
    throw error;
  }
}

/** A warning for each skipped line, with file, line number and reason. */
export const skippedLines = ({ file, skipped }: KnownHosts): string[] =>
  skipped.map(({ line, reason }) => `${file}:${line}: skipped: ${reason}`);

/** Salt and hash of a hashed name, of 20 bytes each (SHA-1). */
function hashParts(hosts: string): { readonly salt: Buffer; readonly hash: Buffer } | undefined {
  const [, salt, hash] = /^\|1\|([A-Za-z0-9+/]+=*)\|([A-Za-z0-9+/]+=*)$/.exec(hosts) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parts = { salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
  return parts.salt.length === 20 && parts.hash.length === 20 ? parts : undefined;
}

/** Whether a pattern of `*` and `?` matches the whole name. */
function matchesPattern(name: string, pattern: string): boolean {
  // Backtracks to the last `*` only, so the time is bounded by the product of both lengths.
  let [at, inPattern, star, retry] = [0, 0, -1, 0];
  while (at < name.length) {
    if (pattern[inPattern] === "*") {
      star = inPattern++;
      retry = at;
    } else if (pattern[inPattern] === "?" || pattern[inPattern] === name[at]) {
      at++;
      inPattern++;
    } else if (star >= 0) {
      inPattern = star + 1;
      at = ++retry;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(inPattern));
}

/** Whether the field of an entry names a host. A negated pattern that matches excludes it. */
function namesHost(hosts: string, name: string): boolean {
  if (hosts.startsWith("|")) {
    const parts = hashParts(hosts);
    return parts !== undefined && createHmac("sha1", parts.salt).update(name).digest().equals(parts.hash);
  }
  const lower = name.toLowerCase();
  let found = false;
  for (const pattern of hosts.toLowerCase().split(",")) {
    const negated = pattern.startsWith("!");
    if (!matchesPattern(lower, negated ? pattern.slice(1) : pattern)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/** Entries of one name, as `ssh-keygen -F NAME -l` lists them. */
export const entriesOf = ({ entries }: KnownHosts, name: string): Entry[] =>
  entries.filter(({ hosts }) => namesHost(hosts, name));

/** A name under which ssh looks up a host at a port: `[NAME]:PORT`, or the name alone at port 22. */
const nameAtPort = (name: string, port: number): string => (port === SSH_PORT ? name : `[${name}]:${port}`);

const typeOf = (key: string): string => key.slice(0, key.indexOf(" "));

/** The key to pin, or why lines that name the host give none. */
export interface Pin {
  /** `type base64` */
  readonly key?: string;
  /** Why no key is pinned, for messages; absent when no line names the host. */
  readonly problem?: string;
  /** About more keys of the host: ssh would accept each of them, but only one is pinned. */
  readonly warning?: string;
}

/**
 * The host key pinned for a host that is known under `names` and answers at `port`. As with ssh, an
 * entry for the port comes before one without a port, and a key that any line revokes for the host
 * is not used. Of several keys, an ed25519 key takes precedence.
 */
export function pinnedHostKey(known: KnownHosts, names: readonly string[], port = SSH_PORT): Pin {
  const plain = names.map((name) => name.toLowerCase());
  const atPort = plain.map((name) => nameAtPort(name, port));
  const found = (all: readonly string[]) =>
    known.entries.filter(({ hosts }) => all.some((name) => namesHost(hosts, name)));
  const all = found([...atPort, ...plain]);
  const revoked = new Map(
    all.filter(({ marker }) => marker === "revoked").map(({ key, line }) => [key, line]),
  );
  const valid = ({ marker, key }: Entry) => marker === undefined && !revoked.has(key);
  const own = found(atPort).filter(valid);
  const usable = own.length > 0 ? own : all.filter(valid);
  const at = ({ line }: { readonly line: number }) => `${known.file}:${line}`;
  const pinned = usable.find(({ key }) => typeOf(key) === "ssh-ed25519") ?? usable[0];
  if (pinned !== undefined) {
    const { key } = pinned;
    const other = usable.find((each) => each.key !== key && typeOf(each.key) === typeOf(key));
    if (other === undefined) return { key };
    const warning = `${at(other)} has another ${typeOf(key)} key of ${names[0]}; only that of line ${pinned.line} is pinned`;
    return { key, warning };
  }
  const problems = [
    ...all
      .filter(({ marker, key: dead }) => marker === undefined && revoked.has(dead))
      .map((entry) => `the key of ${at(entry)} is revoked by line ${revoked.get(entry.key)}`),
    ...all
      .filter(({ marker }) => marker === "authority")
      .map((entry) => `${at(entry)} is a certificate authority, which cannot be pinned as the key of a host`),
    ...known.skipped
      .filter(({ hosts }) => [...atPort, ...plain].some((name) => namesHost(hosts, name)))
      .map((skipped) => `${at(skipped)} is skipped: ${skipped.reason}`),
  ];
  return problems.length > 0 ? { problem: problems.join("; ") } : {};
}
