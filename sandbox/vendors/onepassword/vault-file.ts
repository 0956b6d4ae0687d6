import { createHash, randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { writeAtomically } from "../store.ts";

export interface Field {
  id: string;
  type: string;
  purpose?: string;
  label?: string;
  value?: string;
  section?: { id: string; label?: string };
}

export interface Item {
  id: string;
  title: string;
  category: string;
  version: number;
  favorite?: boolean;
  tags?: string[];
  urls?: { primary?: boolean; label?: string; href: string }[];
  sections?: { id: string; label?: string }[];
  fields: Field[];
  created_at: string;
  updated_at: string;
}

export interface Vault {
  id: string;
  name: string;
  description: string;
  content_version: number;
  created_at: string;
  updated_at: string;
  items: Item[];
}

/** The content of one account. Tokens are stored as hashes. */
export interface VaultFile {
  version: 1;
  serviceAccounts: {
    name: string;
    sha256: string;
    /** Names of the vaults that it may read; absent: all. */
    vaults?: string[];
  }[];
  vaults: Vault[];
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** Ids have 26 lower-case letters and digits, as in 1Password. */
export const newId = (): string =>
  [...randomBytes(26)].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");

export const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, "Z");

export const hashToken = (token: string): string => createHash("sha256").update(token).digest("hex");

export function readVault(path: string): VaultFile {
  if (!existsSync(path)) return { version: 1, serviceAccounts: [], vaults: [] };
  return JSON.parse(readFileSync(path, "utf8")) as VaultFile;
}

const LOCK_SECONDS = 10;

function isHeld(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    // An empty lock belongs to a process that has created it and not yet written its pid.
    return pid === 0 || process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function takeLock(lock: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < LOCK_SECONDS * 1000; waited += 20) {
    try {
      const file = openSync(lock, "wx", 0o600);
      writeSync(file, String(process.pid));
      closeSync(file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (!isHeld(lock)) rmSync(lock, { force: true });
      else Atomics.wait(pause, 0, 0, 20);
    }
  }
  throw new Error(`the vault is locked by another process (${lock})`);
}

/** Changes the vault file under a lock; when `work` throws, the file is unchanged. */
export function changeVault<T>(path: string, work: (file: VaultFile) => T): T {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = `${path}.lock`;
  takeLock(lock);
  try {
    const file = readVault(path);
    const result = work(file);
    writeAtomically(path, `${JSON.stringify(file, null, 1)}\n`);
    return result;
  } finally {
    rmSync(lock, { force: true });
  }
}
