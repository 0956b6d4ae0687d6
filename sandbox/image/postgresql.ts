import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { extractCommand, MIRROR_HINT } from "../../tools/toolchain/extract.ts";
import { buildAtomically } from "../../tools/toolchain/paths.ts";
import { run } from "../machines/command.ts";
import { withLock } from "../machines/lock.ts";
import type { ImageOptions } from "./build.ts";
import { SUITE } from "./recipe.ts";

/** PostgreSQL of Debian's release SUITE, which the machines run: its programs fit their C library. */
const VERSION = "17";
const PACKAGES = [`postgresql-${VERSION}`, "rclone"];
const PROGRAMS = `usr/lib/postgresql/${VERSION}`;
/** What a host and `pantheros-postgres` use. */
const WANTED = [
  ...["postgres", "initdb", "psql", "pg_dump", "pg_dumpall", "pg_restore"].map(
    (name) => `${PROGRAMS}/bin/${name}`,
  ),
  "usr/bin/rclone",
];
/** Raise it when a change of this file changes the result. */
const BUILD = 1;

/** Files of the C library, which must be the machine's own. */
const C_LIBRARY = /^(ld-linux|lib(c|m|dl|pthread|rt|resolv|util|anl|nsl|mvec)\.so)/;

/**
 * The libraries in the output of `ld.so --list`, as paths, without the C library's own.
 *
 * @throws Error when a library is missing
 */
export function listedLibraries(output: string): readonly string[] {
  const lines = output.split("\n").map((line) => line.trim());
  const missing = lines.filter((line) => line.includes("=> not found"));
  if (missing.length > 0) throw new Error(`PostgreSQL's libraries: ${missing.join(", ")}`);
  const paths = lines.flatMap((line) => /=> (\/\S+) \(/.exec(line)?.[1] ?? []);
  return paths.filter((path) => !C_LIBRARY.test(basename(path)));
}

/** The directory of a release's libraries, such as usr/lib/x86_64-linux-gnu, and its dynamic linker. */
function linkerOf(root: string): { readonly libraries: string; readonly linker: string } {
  for (const name of readdirSync(join(root, "usr/lib")).filter((each) => each.endsWith("-linux-gnu"))) {
    const libraries = join(root, "usr/lib", name);
    const linker = readdirSync(libraries).find((each) => /^ld-linux.*\.so\.\d+$/.test(each));
    if (linker !== undefined) return { libraries, linker: join(libraries, linker) };
  }
  throw new Error(`PostgreSQL's packages: no dynamic linker in ${root}`);
}

/** Copies what hosts need from a root directory of extracted packages. */
async function select(root: string, target: string): Promise<void> {
  const copy = (path: string, to = path) =>
    cpSync(realpathSync(join(root, path)), join(target, to), { recursive: true });
  for (const path of WANTED) copy(path);
  copy(`usr/share/postgresql/${VERSION}`);
  // Without the compiler of queries, whose library is larger than everything else.
  for (const name of readdirSync(join(root, PROGRAMS, "lib")).filter((each) =>
    /^(?!llvmjit).*\.so$/.test(each),
  ))
    copy(`${PROGRAMS}/lib/${name}`);
  mkdirSync(join(target, "bin"));
  for (const path of WANTED) symlinkSync(join("..", path), join(target, "bin", basename(path)));
  const { libraries, linker } = linkerOf(root);
  mkdirSync(join(target, "lib"));
  for (const path of WANTED) {
    const argv = [linker, "--library-path", libraries, "--list", join(root, path)];
    for (const library of listedLibraries(await run(argv, { step: "PostgreSQL's libraries" })))
      copy(relative(root, library), join("lib", basename(library)));
  }
}

/**
 * PostgreSQL and rclone as one store path of this computer, which a host's system may contain. The packages are
 * downloaded once (about 90 MB); the cache keeps what is used of them.
 */
export async function ensurePostgresql(options: ImageOptions): Promise<string> {
  const key = JSON.stringify([BUILD, SUITE, PACKAGES, WANTED, process.arch]);
  const name = createHash("sha256").update(key).digest("hex").slice(0, 16);
  const directory = join(options.cache, "postgresql", name);
  const progress = options.progress ?? (() => {});
  if (!existsSync(directory)) {
    const waiting = (holder: number | undefined) =>
      progress(`waiting for process ${holder}, which downloads PostgreSQL`);
    const lock = join(options.cache, "postgresql", "lock");
    await withLock(lock, 900, () => build(directory, progress), waiting);
  }
  const nix = ["nix", "--extra-experimental-features", "nix-command"];
  const added = await run([...nix, "store", "add", "--name", `postgresql-${VERSION}`, directory], {
    step: "PostgreSQL's store path",
    timeout: 120_000,
  });
  return added.trim();
}

async function build(directory: string, progress: (message: string) => void): Promise<void> {
  if (existsSync(directory)) return;
  progress(`PostgreSQL ${VERSION} and rclone of Debian ${SUITE} (once, about a minute)`);
  await buildAtomically(directory, async (part) => {
    const root = `${part}.root`;
    rmSync(root, { recursive: true, force: true });
    try {
      await run(extractCommand({ suite: SUITE, packages: PACKAGES, root }), {
        step: "PostgreSQL's packages",
        timeout: 900_000,
        hint: MIRROR_HINT,
      });
      await select(root, part);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
}
