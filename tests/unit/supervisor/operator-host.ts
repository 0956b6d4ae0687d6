/**
 * A host in a directory, on which the real pantheros-operator runs under a chosen shell. The supervisor, sudo, systemctl
 * and journalctl are fakes that write down how they were called.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = join(process.cwd(), "nix/modules/deployment");

/** The program's text, joined as in nix/modules/deployment/operator/text.nix. */
export const operatorText = (): string =>
  `${readFileSync(join(folder, "supervisor/text.sh"), "utf8")}\n${readFileSync(
    join(folder, "operator/main.sh"),
    "utf8",
  ).replace("#!/bin/sh\n", "")}`;

export interface OperatorAnswer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What was called as root, a line for each. */
  readonly calls: readonly string[];
}

export class OperatorHost {
  readonly root = mkdtempSync(join(tmpdir(), "pantheros-operator-"));
  readonly #bin = join(this.root, "run/current-system/sw/bin");
  readonly #calls = join(this.root, "calls");

  /**
   * @param shebang of the shell
   * @param rules content of /etc/pantheros/operators; undefined: no such file
   */
  constructor(shebang: string, rules: string | undefined) {
    for (const name of ["etc/pantheros", "fakes", "var/lib/pantheros/secrets", "run/current-system/sw/bin"])
      mkdirSync(join(this.root, name), { recursive: true });
    if (rules !== undefined) writeFileSync(join(this.root, "etc/pantheros/operators"), rules);
    this.#program(join(this.#bin, "pantheros-operator"), `#!${shebang}\n${operatorText()}`);
    this.#program(
      join(this.#bin, "pantheros-supervisor"),
      `#!/bin/sh\necho "supervisor $*" >>"$PANTHEROS_ROOT/calls"\necho '{"outcome":"fake"}'\n`,
    );
    this.fake("sudo", `[ "$1" = -n ] || exit 1; shift; echo "sudo $*" >>"$PANTHEROS_ROOT/calls"; exec "$@"`);
    this.fake(
      "systemctl",
      `echo "systemctl $*" >>"$PANTHEROS_ROOT/calls"; case $1 in is-active) echo active ;; cat) [ "$3" != unknown.service ] ;; esac`,
    );
    this.fake("journalctl", `echo "journalctl $*" >>"$PANTHEROS_ROOT/calls"; cat "$PANTHEROS_ROOT/journal"`);
  }

  #program(file: string, text: string): void {
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }

  fake(name: string, script: string): void {
    this.#program(join(this.root, "fakes", name), `#!/bin/sh\n${script}\n`);
  }

  /** What journalctl prints. */
  journal(text: string | Uint8Array): void {
    writeFileSync(join(this.root, "journal"), text);
  }

  secret(name: string, text: string): void {
    writeFileSync(join(this.root, "var/lib/pantheros/secrets", name), text);
  }

  /** Runs the forced command of a role's key with the caller's command. */
  call(role: string, command: string): OperatorAnswer {
    rmSync(this.#calls, { force: true });
    const { status, stdout, stderr } = spawnSync(join(this.#bin, "pantheros-operator"), [role], {
      encoding: "utf8",
      env: {
        PATH: `${join(this.root, "fakes")}:${process.env["PATH"]}`,
        PANTHEROS_ROOT: this.root,
        SSH_ORIGINAL_COMMAND: command,
      },
    });
    const calls = existsSync(this.#calls) ? readFileSync(this.#calls, "utf8").trim().split("\n") : [];
    return { code: status, stdout, stderr, calls: calls.filter((line) => !line.startsWith("sudo ")) };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
