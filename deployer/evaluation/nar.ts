/**
 * Trees of files, their NAR hashes and copies. Nix identifies a source by the hash of its NAR
 * archive, so this program can compute the identity of a part of a flake without running Nix. All
 * calls are synchronous: a flake has many small files, for which that takes a tenth of the time.
 */
import { createHash, type Hash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";

interface File {
  readonly kind: "file";
  /** Where its content is. */
  readonly path: string;
  readonly bytes: number;
  readonly executable: boolean;
}
interface Link {
  readonly kind: "link";
  readonly to: string;
}
export interface Directory {
  readonly kind: "directory";
  readonly entries: ReadonlyMap<string, Tree>;
}
export type Tree = File | Link | Directory;

/** @throws Error when something can't be read, has no place in a NAR archive or a name that is not UTF-8. */
export function readTree(path: string): Tree {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) return { kind: "link", to: readlinkSync(path) };
  if (found.isFile()) {
    return { kind: "file", path, bytes: found.size, executable: (found.mode & 0o100) !== 0 };
  }
  if (!found.isDirectory()) throw new Error(`${path} is neither a file, a directory nor a link`);
  const entries = new Map<string, Tree>();
  for (const name of readdirSync(path)) {
    if (name.includes("\ufffd")) throw new Error(`${path}: a name is not UTF-8`);
    entries.set(name, readTree(join(path, name)));
  }
  return { kind: "directory", entries };
}

/** A directory with one tree at a relative path. */
export function placed(tree: Tree, path: readonly string[]): Tree {
  return path.reduceRight<Tree>(
    (inner, name) => ({ kind: "directory", entries: new Map([[name, inner]]) }),
    tree,
  );
}

const byBytes = ([a]: readonly [string, Tree], [b]: readonly [string, Tree]) =>
  Buffer.compare(Buffer.from(a), Buffer.from(b));

/**
 * `sha256-BASE64` of the tree's NAR archive.
 * Source: Nix manual, "Nix Archive (NAR) format".
 * @throws Error when a file can't be read, or changes meanwhile
 */
export function narHash(tree: Tree): string {
  const hash = createHash("sha256");
  addText(hash, "nix-archive-1");
  addTree(hash, tree);
  return `sha256-${hash.digest("base64")}`;
}

function addSize(hash: Hash, bytes: number): void {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(bytes));
  hash.update(size);
}

const addPadding = (hash: Hash, bytes: number) => hash.update(Buffer.alloc((8 - (bytes % 8)) % 8));

function addText(hash: Hash, ...texts: readonly string[]): void {
  for (const text of texts) {
    const bytes = Buffer.from(text);
    addSize(hash, bytes.length);
    hash.update(bytes);
    addPadding(hash, bytes.length);
  }
}

function addTree(hash: Hash, tree: Tree): void {
  addText(hash, "(", "type");
  switch (tree.kind) {
    case "link":
      addText(hash, "symlink", "target", tree.to);
      break;
    case "file":
      addText(hash, "regular", ...(tree.executable ? ["executable", ""] : []), "contents");
      addContent(hash, tree);
      break;
    case "directory":
      addText(hash, "directory");
      for (const [name, inner] of [...tree.entries].sort(byBytes)) {
        addText(hash, "entry", "(", "name", name, "node");
        addTree(hash, inner);
        addText(hash, ")");
      }
  }
  addText(hash, ")");
}

const buffer = Buffer.alloc(2 ** 20);

function addContent(hash: Hash, { path, bytes }: File): void {
  addSize(hash, bytes);
  const file = openSync(path, "r");
  try {
    let read = 0;
    for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, count));
      read += count;
    }
    if (read !== bytes) throw new Error(`${path} changed while it was read`);
  } finally {
    closeSync(file);
  }
  addPadding(hash, bytes);
}

/** Writes a copy, which its user can remove: directories in the Nix store are read-only. */
export function writeTree(tree: Tree, path: string): void {
  switch (tree.kind) {
    case "link":
      symlinkSync(tree.to, path);
      break;
    case "file":
      copyFileSync(tree.path, path);
      chmodSync(path, tree.executable ? 0o755 : 0o644);
      break;
    case "directory":
      mkdirSync(path);
      for (const [name, inner] of tree.entries) writeTree(inner, join(path, name));
  }
}
