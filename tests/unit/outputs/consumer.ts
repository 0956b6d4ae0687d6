/** Another team's project: the packed package, without this repository around it. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";

/** The npm of the Node that runs the tests comes first. */
const PATH = [dirname(process.execPath), process.env["PATH"]].join(delimiter);

export function runIn(directory: string, program: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: directory,
    encoding: "utf8",
    env: { PATH, HOME: process.env["HOME"], TMPDIR: process.env["TMPDIR"] },
  });
  return { status, stdout, stderr };
}

function succeed(directory: string, program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = runIn(directory, program, ...args);
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** Packs `outputs/` as npm does for a registry or an installation from its path; returns the paths of the files. */
export function installPackage(project: string): string[] {
  const place = join(project, "node_modules/@pantheros/outputs");
  mkdirSync(place, { recursive: true });
  const packed = succeed(project, "npm", "pack", "--ignore-scripts", "--json", resolve("outputs"));
  const [{ filename, files } = { filename: "", files: [] }] = JSON.parse(packed) as {
    filename: string;
    files: { path: string }[];
  }[];
  succeed(project, "tar", "-xzf", filename, "--strip-components=1", "-C", place);
  rmSync(join(project, filename));
  // Its one dependency, as a copy: a link would lead Node into this repository.
  cpSync("node_modules/zod", join(project, "node_modules/zod"), { recursive: true });
  return files.map(({ path }) => path).sort();
}

/** Copies `examples/consumer` and installs its dependencies: the package as a copy, the SDKs as links. */
export function makeConsumer(project: string): void {
  mkdirSync(project, { recursive: true });
  for (const name of readdirSync("examples/consumer").filter((file) => file !== "node_modules"))
    cpSync(join("examples/consumer", name), join(project, name), { recursive: true });
  installPackage(project);
  for (const scope of ["@pulumi", "@types"])
    symlinkSync(resolve("node_modules", scope), join(project, "node_modules", scope));
}
