/**
 * Trees of files, their NAR hashes and copies. Nix identifies a source by the hash of its NAR
 * archive, so this program can compute the identity of a part of a flake without running Nix.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, lstat, mkdir, readdir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

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
export async function readTree(path: string): Promise<Tree> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return { kind: "link", to: await readlink(path) };
  if (found.isFile()) {
    return { kind: "file", path, bytes: found.size, executable: (found.mode & 0o100) !== 0 };
  }
  if (!found.isDirectory()) throw new Error(`${path} is neither a file, a directory nor a link`);
  const entries = new Map<string, Tree>();
  for (const name of await readdir(path)) {
    if (name.includes("\ufffd")) throw new Error(`${path}: a name is not UTF-8`);
    entries.set(name, await readTree(join(path, name)));
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
export async function narHash(tree: Tree): Promise<string> {
  const hash = createHash("sha256");
  addText(hash, "nix-archive-1");
  await addTree(hash, tree);
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

async function addTree(hash: Hash, tree: Tree): Promise<void> {
  addText(hash, "(", "type");
  switch (tree.kind) {
    case "link":
      addText(hash, "symlink", "target", tree.to);
      break;
    case "file":
      addText(hash, "regular", ...(tree.executable ? ["executable", ""] : []), "contents");
      await addContent(hash, tree);
      break;
    case "directory":
      addText(hash, "directory");
      for (const [name, inner] of [...tree.entries].sort(byBytes)) {
        addText(hash, "entry", "(", "name", name, "node");
        await addTree(hash, inner);
        addText(hash, ")");
      }
  }
  addText(hash, ")");
}

async function addContent(hash: Hash, { path, bytes }: File): Promise<void> {
  addSize(hash, bytes);
  let read = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    read += chunk.length;
  }
  if (read !== bytes) throw new Error(`${path} changed while it was read`);
  addPadding(hash, bytes);
}

/** Writes a copy, which its user can remove: directories in the Nix store are read-only. */
export async function writeTree(tree: Tree, path: string): Promise<void> {
  switch (tree.kind) {
    case "link":
      return symlink(tree.to, path);
    case "file":
      await pipeline(createReadStream(tree.path), createWriteStream(path, { flags: "wx" }));
      return tree.executable ? chmod(path, 0o755) : undefined;
    case "directory":
      await mkdir(path);
      for (const [name, inner] of tree.entries) await writeTree(inner, join(path, name));
  }
}
