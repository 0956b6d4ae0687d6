import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { checkedPrograms } from "../../tools/toolchain/built-services.ts";

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pantheros");

const programs = checkedPrograms(process.cwd(), cache, process.env["PANTHEROS_NIX_SUITE"] ?? "trixie");

/** The path of a program, or of the root directory with QEMU and GRUB. Throws when set-up has not made it. */
export function program(name: keyof typeof programs): string {
  if (!existsSync(programs[name]))
    throw new Error(`${programs[name]} is missing; \`make check-services\` makes it`);
  return programs[name];
}

/** Waits until `ready` is true, as long as the program runs. Throws its output when it ends before. */
export async function untilReady(
  program: ChildProcess,
  output: () => string,
  ready: () => Promise<boolean>,
): Promise<void> {
  while (!(await ready())) {
    if (program.exitCode !== null) throw new Error(`ended with ${program.exitCode}:\n${output()}`);
    await new Promise((again) => setTimeout(again, 100));
  }
}
