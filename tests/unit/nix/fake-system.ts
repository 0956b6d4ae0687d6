import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const scripts = join(process.cwd(), "sandbox/nix/scripts");

export interface SystemParts {
  /** Unit -> version; each version has a store path of its own. */
  readonly units?: Readonly<Record<string, string>>;
  /** Path under /etc -> mode ("symlink" or octal) and text. */
  readonly etc?: Readonly<Record<string, readonly [mode: string, text: string]>>;
  readonly inhibitors?: Readonly<Record<string, string>>;
  readonly users?: readonly string[];
  readonly activation?: "ok" | "fail";
}

/**
 * A root directory with systems that run the real scripts, and fakes of the programs that would change this
 * machine. The fake systemctl logs its arguments, and reports units as failed that `fail` names.
 */
export class FakeRoot {
  readonly root = mkdtempSync(join(tmpdir(), "pantheros-switch-"));
  private readonly bin = join(this.root, "fakes");
  private readonly log = join(this.root, "calls");
  private systems = 0;

  constructor() {
    mkdirSync(this.bin);
    mkdirSync(join(this.root, "accounts"));
    this.fake(
      "systemctl",
      `echo "systemctl $*" >>"${this.log}"
case "$1" in
  show) shift; for unit; do case "$unit" in *.service)
      if grep -qx "$unit" "${this.root}/failing" 2>/dev/null; then state=failed; else state=active; fi
      printf 'Id=%s\\nActiveState=%s\\nSubState=x\\nExecMainStatus=0\\n\\n' "$unit" "$state" ;; esac; done ;;
  status) echo "status of $4"; exit 3 ;;
esac`,
    );
    this.fake("getent", `[ "$1" = passwd ] && [ -e "${this.root}/accounts/$2" ]`);
    this.fake("useradd", `for last; do :; done; touch "${this.root}/accounts/$last"`);
    this.fake("userdel", `rm "${this.root}/accounts/$1"`);
  }

  private fake(name: string, body: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  /** A system with the real scripts; its units' store paths need not exist. */
  system(parts: SystemParts): string {
    this.systems += 1;
    const out = join(this.root, `system-${this.systems}`);
    const put = (path: string, text: string) => {
      mkdirSync(dirname(join(out, path)), { recursive: true });
      writeFileSync(join(out, path), text);
    };
    for (const [from, to] of [
      ["switch-to-configuration.sh", "bin/switch-to-configuration"],
      ["stage2.sh", "bin/pantheros-stage2"],
      ["activate.sh", "activate"],
      ["units.sh", "lib/units.sh"],
    ] as const) {
      put(to, readFileSync(join(scripts, from), "utf8").replaceAll("@out@", out));
      chmodSync(join(out, to), 0o755);
    }
    for (const [unit, version] of Object.entries(parts.units ?? {})) {
      const links = join(out, "etc/systemd/system");
      mkdirSync(join(links, "multi-user.target.wants"), { recursive: true });
      for (const link of [unit, `multi-user.target.wants/${unit}`]) {
        symlinkSync(`/nix/store/${version}-unit-${unit}/${unit}`, join(links, link));
      }
    }
    const etc = { hostname: ["0644", "web\n"] as const, ...parts.etc };
    for (const [path, [, text]] of Object.entries(etc)) put(`etc/${path}`, text);
    put(
      "etc-manifest",
      Object.entries(etc)
        .map(([path, [mode]]) => `${mode}\t${path}\n`)
        .join(""),
    );
    put("switch-inhibitors", JSON.stringify(parts.inhibitors ?? {}));
    put("users", (parts.users ?? []).map((user) => `${user}\t/bin/sh\n`).join(""));
    put("activation", `${parts.activation ?? "ok"}\n`);
    return out;
  }

  /** Output of a system's `program`, and its calls of systemctl. */
  run(program: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    writeFileSync(this.log, "");
    const { status, stderr, error } = spawnSync(program, args, {
      env: { PATH: `${this.bin}:${process.env["PATH"]}`, PANTHEROS_ROOT: this.root, ...environment },
      encoding: "utf8",
      timeout: 60_000,
    });
    if (error !== undefined) throw error;
    const calls = readFileSync(this.log, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("systemctl show"));
    return { code: status, stderr, calls };
  }

  switch(system: string, action: string, environment?: Readonly<Record<string, string>>) {
    return this.run(join(system, "bin/switch-to-configuration"), [action], environment);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
