/**
 * A host in a directory, on which the real supervisor runs under a chosen shell. Only programs that would change this
 * machine are fakes (systemctl, systemd-run, nix-env, nix), and the systems' `switch-to-configuration`.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const parts = path.join(process.cwd(), "nix/modules/deployment/supervisor");

/** The supervisor's parts, joined as in nix/modules/deployment/parts.nix. */
export function supervisorText(): string {
  const names = fs
    .readdirSync(parts)
    .filter((name) => name !== "main.sh")
    .sort();
  const text = (name: string) => fs.readFileSync(path.join(parts, name), "utf8");
  return [...names.map(text), text("main.sh").replace("#!/bin/sh\n", "")].join("\n");
}

/** The shells that the supervisor must run under, if they are installed. */
export const shells: readonly { name: string; shebang: string }[] = [
  { name: "dash", shebang: "/bin/dash" },
  { name: "busybox sh", shebang: "/bin/busybox sh" },
].filter((shell) => fs.existsSync(shell.shebang.split(" ")[0] ?? ""));

const fakes: Record<string, string> = {
  systemctl: `
case "$*" in
  "is-active pantheros-activation.service pantheros-activation.timer")
    if [ -e "$R/fake/unit" ]; then cat "$R/fake/unit"; else echo inactive; fi
    if [ -e "$R/fake/timer" ]; then echo active; else echo inactive; fi ;;
  "is-active "*) if grep -qx "$2" "$R/fake/serving"; then echo active; else echo inactive; exit 3; fi ;;
  is-system-running*) cat "$R/fake/running" ;;
  "reboot -i"*) [ ! -e "$R/fake/reboot-fails" ] || { echo "Failed to reboot" >&2; exit 1; }; echo reboot >>"$R/fake/log" ;;
  "list-units --state=failed,auto-restart"*) cat "$R/fake/failed" "$R/fake/crashing" | sed 's/$/ loaded failed failed x/' ;;
  "list-units --state=failed"*) sed 's/$/ loaded failed failed x/' "$R/fake/failed" ;;
  "list-units --type=service"*) sed 's/$/ loaded active running x/' "$R/fake/serving" ;;
  "cat "*) [ "$2" != somebodys.service ] ;;
  "start "*) shift; for u in "$@"; do echo "$u" >>"$R/fake/serving"; done; echo "start $*" >>"$R/fake/log" ;;
  "stop pantheros-activation.timer") rm -f "$R/fake/timer" ;;
  *) echo "systemctl: $*" >&2; exit 1 ;;
esac`,
  // As systemd: the timer starts the service at once, and again after each end of it, when all processes of its
  // session have been ended. RuntimeMaxSec is honoured only when it is short.
  "systemd-run": `
bound=9999
while [ $# -gt 0 ]; do
  case $1 in --property=RuntimeMaxSec=*) bound=\${1#--property=RuntimeMaxSec=} ;; --) shift; break ;; esac
  shift
done
[ ! -e "$R/fake/timer" ] && [ ! -e "$R/fake/unit" ] || { echo "Unit pantheros-activation.timer was already loaded." >&2; exit 1; }
echo $$ >"$R/fake/timer"
TIMER=$$ BOUND=$bound setsid sh -c '
  while [ "$(cat "$R/fake/timer" 2>/dev/null)" = "$TIMER" ]; do
    echo active >"$R/fake/unit"
    PANTHEROS_SIDE=run PATH=$OUTER setsid "$@" & main=$!
    echo $main >"$R/fake/main.pid"
    [ "$BOUND" -gt 120 ] || { timeout "$BOUND" tail -f /dev/null --pid=$main; [ $? != 124 ] || kill -KILL $main; } &
    wait $main
    echo deactivating >"$R/fake/unit"
    pkill -TERM -s $main
    for try in 1 2 3 4 5 6 7 8 9 10; do pgrep -s $main >/dev/null || break; [ $try -lt 10 ] || pkill -KILL -s $main; sleep 0.1; done
    rm -f "$R/fake/unit"
    sleep 0.1
  done' unit "$@" >>"$R/fake/journal" 2>&1 </dev/null &`,
  bootctl: `[ ! -e "$R/fake/no-efi" ] || { echo "Not booted with UEFI" >&2; exit 1; }; echo "bootctl $*" >>"$R/fake/log"`,
  findmnt: `cat "$R/fake/boot-file-system" 2>/dev/null`,
  "nix-env": `
[ ! -e "$R/fake/nix-env-fails" ] || { echo "error: disk full" >&2; exit 1; }
dir=$R/nix/var/nix/profiles; next=$(($(cat "$R/fake/generation") + 1))
case $3 in
  --set) ln -s "$4" "$dir/system-$next-link"; ln -sfn "system-$next-link" "$dir/system"; echo $next >"$R/fake/generation" ;;
  --switch-generation) ln -sfn "system-$4-link" "$dir/system" ;;
esac
echo "nix-env $3 $4" >>"$R/fake/log"`,
  nix: `
for last; do :; done
case $* in
  *path-info*) echo "$last	$(cat "$R/fake/ca") fleet-1:sig" ;;
  *) grep -qx "$last" "$R/fake/signed" || { echo "path '$last' is untrusted" >&2; exit 2; } ;;
esac`,
};

const switchScript = `#!/bin/sh
if [ -n "\${PANTHEROS_SWITCH:-}" ]; then again=$PANTHEROS_SWITCH; unset PANTHEROS_SWITCH; exec "$again" "$0" "$@"; fi
self=$(cd "$(dirname "$0")/.." && pwd); path=\${self#"$PANTHEROS_ROOT"}
echo "$1 $path" >>"$PANTHEROS_ROOT/fake/log"
[ ! -x "$self/on-$1" ] || "$self/on-$1" || exit $?
case $1 in
  test) ln -sfn "$path" "$PANTHEROS_ROOT/run/current-system" ;;
  boot) ln -sfn "$path" "$PANTHEROS_ROOT/boot/pantheros-default" ;;
esac
`;

/** The sandbox's, which a fake host starts from: known boot loaders have tests of their own. */
const BOOT_LOADER = fs.readFileSync("sandbox/nix/scripts/boot-loader.sh", "utf8");

export interface Closure {
  /** Lines of `etc/pantheros/checks`: kind, name, target, status, body, seconds. */
  checks?: string[][];
  /** `etc/pantheros/deploy.conf`. */
  conf?: Record<string, number | string>;
  /** Shell run by `switch-to-configuration test` before it switches; its exit status counts. */
  onTest?: string;
  onBoot?: string;
  onCheck?: string;
  inhibitors?: string;
  /** Name of the system's kernel. */
  kernel?: string;
}

export interface Line {
  status: number | null;
  json: Record<string, unknown>;
  stdout: string;
}

export class FakeHost {
  readonly root: string;
  private readonly supervisor: string;
  private readonly children: ChildProcess[] = [];

  constructor(shebang: string) {
    this.root = fs.mkdtempSync(path.join(os.tmpdir(), "pantheros-host-"));
    for (const dir of [
      "run",
      "boot",
      "fake/bin",
      "nix/store",
      "nix/var/nix/profiles",
      "proc/sys/kernel/random",
    ]) {
      fs.mkdirSync(path.join(this.root, dir), { recursive: true });
    }
    for (const [name, text] of Object.entries(fakes)) {
      this.write(
        `fake/bin/${name}`,
        `#!/bin/sh\nR=$PANTHEROS_ROOT OUTER=$PATH PATH=/usr/bin:/bin; export R OUTER\n${text}\n`,
        0o755,
      );
    }
    for (const name of ["failed", "crashing", "log", "signed", "ca"]) this.write(`fake/${name}`, "");
    this.write("fake/serving", "sshd.service\nnginx.service\n");
    this.write("fake/running", "running\n");
    this.write("fake/generation", "1\n");
    this.reboot();
    // Hosts have coreutils' timeout; busybox' own keeps a pipe open for a second.
    const timeout = 'timeout() { /usr/bin/timeout "$@"; }\n';
    const script = `#!${shebang}\n${shebang.includes("busybox") ? timeout : ""}${supervisorText()}`;
    this.supervisor = this.write("fake/bin/pantheros-supervisor", script, 0o755);
  }

  /** A machine installed with this system: it runs, it is generation 1 and the boot default. */
  installed(closure: Closure = {}): string {
    const system = this.closure("installed", closure);
    fs.symlinkSync(system, path.join(this.root, "nix/var/nix/profiles/system-1-link"));
    fs.symlinkSync("system-1-link", path.join(this.root, "nix/var/nix/profiles/system"));
    for (const link of ["run/current-system", "run/booted-system", "boot/pantheros-default"])
      this.link(link, system);
    return system;
  }

  closure(name: string, closure: Closure = {}): string {
    const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
    const system = `/nix/store/${hash}-nixos-system-${name}`;
    this.write(`${system}/nixos-version`, "25.11");
    this.write(`${system}/bin/switch-to-configuration`, switchScript, 0o755);
    this.write(`${system}/sw/bin/pantheros-boot-loader`, BOOT_LOADER, 0o755);
    for (const [action, text] of Object.entries({
      test: closure.onTest,
      boot: closure.onBoot,
      check: closure.onCheck,
    })) {
      if (text !== undefined) this.write(`${system}/on-${action}`, `#!/bin/sh\n${text}\n`, 0o755);
    }
    const kernel = `/nix/store/${"k".repeat(32)}-${closure.kernel ?? "linux-6.12"}/bzImage`;
    this.unlink(`${system}/kernel`);
    this.link(`${system}/kernel`, kernel);
    if (closure.inhibitors) this.write(`${system}/switch-inhibitors`, closure.inhibitors);
    const conf = {
      ...{ confirm_seconds: 60, health_seconds: 0, health_period: 0, require_signature: "false" },
      ...closure.conf,
    };
    this.write(
      `${system}/etc/pantheros/deploy.conf`,
      Object.entries(conf)
        .map(([k, v]) => `${k}=${v}\n`)
        .join(""),
    );
    this.write(
      `${system}/etc/pantheros/checks`,
      (closure.checks ?? []).map((c) => `${c.join("\t")}\n`).join(""),
    );
    return system;
  }

  private get env(): NodeJS.ProcessEnv {
    const PATH = `${this.root}/fake/bin:${process.env["PATH"]}`;
    return { PATH, PANTHEROS_ROOT: this.root, PANTHEROS_MINUTE: "5" };
  }

  /** Runs a verb to its end. */
  run(args: string[], input = ""): Line {
    const done = spawnSync(this.supervisor, args, {
      env: this.env,
      input,
      encoding: "utf8",
      timeout: 60_000,
    });
    return line(done.stdout, done.status, done.stderr);
  }

  status(...args: string[]): Record<string, unknown> {
    return this.run(["status", ...args]).json;
  }

  /** Starts a verb and leaves it running. */
  start(args: string[]): ChildProcess {
    const child = spawn(this.supervisor, args, { env: this.env, stdio: "ignore" });
    this.children.push(child);
    return child;
  }

  /** Waits until the host reaches a state. The limit only ends tests of a broken supervisor. */
  async until(condition: () => boolean): Promise<void> {
    for (const end = Date.now() + 60_000; !condition(); await new Promise((r) => setTimeout(r, 20))) {
      if (Date.now() > end)
        throw new Error(`the host did not reach the state; its journal:\n${this.read("fake/journal")}`);
    }
  }

  phase(): string {
    return [...this.read("var/lib/pantheros/record").matchAll(/^phase=(.*)$/gm)].at(-1)?.[1] ?? "idle";
  }

  idle(): Promise<void> {
    return this.until(
      () => this.phase() === "idle" && !this.exists("fake/unit") && !this.exists("fake/timer"),
    );
  }

  /** The effect of a reboot: a new boot id, and the boot default runs, or the entry that is started once. */
  reboot(): void {
    this.write("proc/sys/kernel/random/boot_id", `${randomUUID()}\n`);
    this.write("fake/running", "running\n");
    const next = this.target("boot/pantheros-once") ?? this.target("boot/pantheros-default");
    this.unlink("boot/pantheros-once");
    if (next === undefined) return;
    for (const link of ["run/current-system", "run/booted-system"]) this.link(link, next);
  }

  /** The machine goes down, by a shutdown or a power cut, and boots without the unit. */
  async cycle(): Promise<void> {
    this.write("fake/running", "stopping\n");
    this.unlink("fake/timer");
    if (this.exists("fake/unit")) this.killMain();
    await this.until(() => !this.exists("fake/unit"));
    this.reboot();
  }

  /** `systemctl stop` of the service: its processes get SIGTERM, and its timer starts it again. */
  stopUnit(): void {
    spawnSync("pkill", ["-TERM", "-s", this.read("fake/main.pid").trim()]);
  }

  /** SIGKILL to the unit's main process, as an out-of-memory kill would. */
  killMain(): void {
    try {
      process.kill(Number(this.read("fake/main.pid")), "SIGKILL");
    } catch {
      // it has ended already
    }
  }

  link(name: string, to: string): void {
    this.unlink(name);
    fs.symlinkSync(to, path.join(this.root, name));
  }

  unlink(name: string): void {
    fs.rmSync(path.join(this.root, name), { force: true });
  }

  /** Removes a directory and its contents. */
  discard(name: string): void {
    fs.rmSync(path.join(this.root, name), { recursive: true });
  }

  target(name: string): string | undefined {
    try {
      return fs.readlinkSync(path.join(this.root, name));
    } catch {
      return undefined;
    }
  }

  /** The profile's system, through its generation link. */
  profile(): string | undefined {
    return this.target(`nix/var/nix/profiles/${this.target("nix/var/nix/profiles/system")}`);
  }

  write(name: string, text: string, mode = 0o644): string {
    const file = path.join(this.root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { mode });
    return file;
  }

  read(name: string): string {
    return this.exists(name) ? fs.readFileSync(path.join(this.root, name), "utf8") : "";
  }

  list(name: string): string[] {
    return fs.readdirSync(path.join(this.root, name));
  }

  exists(name: string): boolean {
    return fs.existsSync(path.join(this.root, name));
  }

  mode(name: string): number {
    return fs.statSync(path.join(this.root, name)).mode & 0o777;
  }

  log(): string[] {
    return this.read("fake/log").split("\n").filter(Boolean);
  }

  remove(): void {
    for (const child of this.children) child.kill("SIGKILL");
    this.unlink("fake/timer");
    if (this.exists("fake/unit")) spawnSync("pkill", ["-KILL", "-s", this.read("fake/main.pid").trim()]);
    // A rollback after the unit's end may still create files, so removal is retried.
    for (let attempt = 1; ; attempt++) {
      try {
        fs.rmSync(this.root, { recursive: true, force: true });
        return;
      } catch (error) {
        if (attempt === 100) throw error;
        spawnSync("sleep", ["0.1"]);
      }
    }
  }
}

function line(stdout: string, status: number | null, stderr: string): Line {
  try {
    const json: unknown = stdout.startsWith("{") ? JSON.parse(stdout) : {};
    return { status, stdout, json: json as Record<string, unknown> };
  } catch (cause) {
    throw new Error(`not JSON: ${stdout}\n${stderr}`, { cause });
  }
}
