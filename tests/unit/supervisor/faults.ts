/**
 * A fault at every command. The supervisor's commands are counted, and one of them fails, is killed, hangs, finds the disk
 * full from then on, or has the supervisor killed before or after it. Then the supervisor's promises must hold.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { type Closure, FakeHost } from "./fake-host.ts";

export const kinds = ["fails", "killed", "hangs", "full", "before", "after"] as const;
export type Kind = (typeof kinds)[number];

/** The `occurrence`-th call of a command by one side: a verb that the deployer runs, or `run` in the unit. */
export interface Fault {
  readonly side: string;
  readonly command: string;
  readonly occurrence: number;
  readonly kind: Kind;
}

export interface Scenario {
  readonly name: string;
  /** The new system; undefined: the running one. */
  readonly next?: Closure;
}

const bounds = { switch_seconds: 3, health_seconds: 0, confirm_seconds: 20, reboot_seconds: 3 };
const checks = [["command", "sums", "exit 1", "-", "-", "2"]];
export const scenarios: readonly Scenario[] = [
  { name: "live, confirmed", next: { conf: bounds } },
  { name: "live, unhealthy", next: { conf: bounds, checks } },
  {
    name: "through a reboot, confirmed",
    next: { conf: { ...bounds, reboot: "allow" }, kernel: "linux-6.13" },
  },
  {
    name: "through a reboot, unhealthy",
    next: { conf: { ...bounds, reboot: "allow" }, kernel: "linux-6.13", checks },
  },
  { name: "running already" },
];

/** All programs of the supervisor except timeout and sleep. `switch` is the systems' own program. */
const commands = [
  ...[
    "awk",
    "bash",
    "bootctl",
    "cat",
    "chmod",
    "cp",
    "curl",
    "cut",
    "date",
    "flock",
    "grep",
    "head",
    "id",
    "ln",
    "ls",
  ],
  ...[
    "mkdir",
    "mkfifo",
    "mv",
    "nix",
    "nix-env",
    "readlink",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sync",
    "systemctl",
    "systemd-run",
  ],
  ...["tail", "tr", "wc"],
];
/** Commands that wait for something else may hang in every side; the others only in the unit, which systemd limits. */
const waitsOnOthers = new Set(["flock", "nix", "sync", "systemctl", "systemd-run", "switch"]);
/** Writing to a full disk fails; reading and removing do not. */
const writes = "cp ln mkdir mkfifo nix-env";
/** Files that the supervisor writes itself, as FILE.new. */
const written = ["record", "last", "committed", "deploy.json", "failure", "staged", "offer"];

const faultSource = `
side=\${PANTHEROS_SIDE:-none} name=$1; shift
count=; [ ! -r "$R/fake/count/$side.$name" ] || read -r count <"$R/fake/count/$side.$name"
count=\${count}x; echo "$count" >"$R/fake/count/$side.$name"
act() { kill -KILL "$(cat "$R/fake/$1.pid")" 2>/dev/null; }
victim=front; [ "$side" != run ] || victim=main
target=; [ ! -r "$R/fake/target" ] || read -r target <"$R/fake/target"
if [ -e "$R/fake/full" ]; then case " ${writes} " in *" $name "*) echo "No space left on device" >&2; exit 1 ;; esac; fi
case $target in
  "$side $name \${#count} fails") echo "a fault: $name fails" >&2; exit 1 ;;
  "$side $name \${#count} killed") kill -KILL $$ ;;
  "$side $name \${#count} hangs") exec sleep 600 ;;
  "$side $name \${#count} full")
    echo >"$R/fake/full"
    for file in ${written.join(" ")}; do ln -sfn /dev/full "$R/var/lib/pantheros/$file.new"; done
    # The fault may have been lifted since the target was read.
    if [ ! -e "$R/fake/target" ]; then
      rm -f "$R/fake/full"
      for file in ${written.join(" ")}; do rm -f "$R/var/lib/pantheros/$file.new"; done
    fi ;;
  "$side $name \${#count} before") act $victim; exit 1 ;;
  "$side $name \${#count} after") "$real" "$@"; code=$?; act $victim; exit $code ;;
esac
exec "$real" "$@"
`;

/** The shims are before the fakes on PATH, and look up the real program behind them. */
function install(host: FakeHost): void {
  const fakes = `${host.root}/fake/bin`;
  const find = `real=; for dir in "${fakes}" /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do [ ! -x "$dir/$1" ] || { real=$dir/$1; break; }; done\n`;
  const head = `#!/bin/dash\nR=$PANTHEROS_ROOT\nPATH=/usr/bin:/bin\n`;
  for (const name of commands) {
    host.write(
      `fake/shims/${name}`,
      `${head}set -- ${name} "$@"\n${find}PATH="${fakes}/../shims:${fakes}:/usr/bin:/bin"\nexport PATH\n${faultSource}`,
      0o755,
    );
  }
  host.write(
    "fake/switch",
    `${head}set -- switch "$@"\nreal=$2\n${faultSource.replace("shift\n", "shift 2\n")}`,
    0o755,
  );
  host.write("fake/count/.keep", "");
}

const sleep = (ms: number) => new Promise((resume) => setTimeout(resume, ms));

type Json = Record<string, unknown>;

class FaultyHost {
  readonly host: FakeHost;
  readonly old: string;
  #reboots = 0;

  constructor() {
    this.host = new FakeHost("/bin/dash");
    this.old = this.host.installed({ conf: bounds });
    install(this.host);
  }

  get #env(): NodeJS.ProcessEnv {
    const { root } = this.host;
    const PATH = `${root}/fake/shims:${root}/fake/bin:/usr/bin:/bin`;
    return { PATH, PANTHEROS_ROOT: root, PANTHEROS_MINUTE: "3", PANTHEROS_SWITCH: `${root}/fake/switch` };
  }

  /** Runs a verb as the deployer does, with a time limit, and returns its last line. */
  async verb(...args: string[]): Promise<Json | undefined> {
    const script =
      'echo $$ >"$PANTHEROS_ROOT/fake/front.pid"; exec "$PANTHEROS_ROOT/fake/bin/pantheros-supervisor" "$@"';
    const child: ChildProcess = spawn("/bin/dash", ["-c", script, "verb", ...args], {
      env: { ...this.#env, PANTHEROS_SIDE: args[0] },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    let text = "";
    child.stdout?.on("data", (chunk) => {
      text += String(chunk);
    });
    const group = -(child.pid ?? 0);
    const bound = setTimeout(() => process.kill(group, "SIGKILL"), 25_000);
    await new Promise((done) => child.on("exit", done));
    clearTimeout(bound);
    await sleep(5);
    try {
      return JSON.parse(text.trim().split("\n").at(-1) ?? "") as Json;
    } catch {
      return undefined; // as the program treats invalid output
    }
  }

  /** Reboots the machine if the supervisor has requested it. */
  async #machine(): Promise<void> {
    const asked = this.host.log().filter((entry) => entry === "reboot").length;
    if (asked === this.#reboots) return;
    this.#reboots = asked;
    await this.host.cycle();
    await this.verb("resume");
  }

  /** Deploys as the program does: activates, confirms while the window is open, and polls the status until the end. */
  async deploy(
    system: string,
    token: string,
    seconds = 150,
  ): Promise<{ answers: Json[]; confirmed: boolean }> {
    const answers: Json[] = [];
    let confirmed = false;
    const collect = (line: Json | undefined) => {
      if (line !== undefined) answers.push(line);
    };
    const first = this.verb("activate", system, token);
    let answered = false;
    first.then(() => {
      answered = true;
    });
    while (!answered) {
      await sleep(20);
      await this.#machine();
    }
    collect(await first);
    if (answers[0]?.["outcome"] === "refused") return { answers, confirmed };
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) {
      await this.#machine();
      const status = await this.verb("status");
      const last = status?.["last"] as Json | null | undefined;
      const activation = status?.["activation"] as Json | null | undefined;
      const open = status?.["phase"] === "waiting" && activation?.["token"] === token;
      if (
        open ||
        (status?.["phase"] === "idle" && last?.["outcome"] === "current" && last["token"] === token)
      ) {
        confirmed = true;
        collect(await this.verb("confirm", token));
      } else if (status?.["phase"] === "idle") {
        return { answers, confirmed };
      }
    }
    return { answers, confirmed };
  }

  aim({ side, command, occurrence, kind }: Fault): void {
    this.host.write("fake/target", `${side} ${command} ${occurrence} ${kind}\n`);
  }

  /** Ends the fault: the disk has room again. */
  lift(): void {
    for (const name of ["fake/target", "fake/full"]) this.host.unlink(name);
    for (const file of written) {
      const name = `var/lib/pantheros/${file}.new`;
      if (this.host.target(name) === "/dev/full") this.host.unlink(name);
    }
  }

  /** Waits for the unit's end, without any action. */
  async waitForUnit(seconds: number): Promise<boolean> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
      await this.#machine();
      if (!this.host.exists("fake/timer") && !this.host.exists("fake/unit")) return true;
    }
    return false;
  }

  /** Number of calls of each command by each side. */
  counts(): { side: string; command: string; calls: number }[] {
    const names = this.host.list("fake/count").filter((name) => name.includes(".") && !name.startsWith("."));
    return names.map((name) => {
      const at = name.indexOf(".");
      return {
        side: name.slice(0, at),
        command: name.slice(at + 1),
        calls: this.host.read(`fake/count/${name}`).trim().length,
      };
    });
  }
}

/** All faults of a scenario: each call of each command, in each kind. */
export async function faultsOf(scenario: Scenario): Promise<Fault[]> {
  const faulty = new FaultyHost();
  try {
    await faulty.deploy(wantedOf(faulty, scenario), "t1");
    await faulty.waitForUnit(30);
    return faulty
      .counts()
      .flatMap(({ side, command, calls }) =>
        Array.from({ length: calls }, (_, at) => at + 1).flatMap((occurrence) =>
          kinds
            .filter((kind) => kind !== "hangs" || side === "run" || waitsOnOthers.has(command))
            .map((kind) => ({ side, command, occurrence, kind })),
        ),
      );
  } finally {
    faulty.host.remove();
  }
}

const wantedOf = (faulty: FaultyHost, { next }: Scenario): string =>
  next === undefined ? faulty.old : faulty.host.closure("next", next);

/** Deploys with one fault, and returns the broken promises. */
export async function attempt(scenario: Scenario, fault: Fault): Promise<string[]> {
  const faulty = new FaultyHost();
  const { host, old } = faulty;
  const broken: string[] = [];
  const demand = (holds: boolean, promise: string) => {
    if (!holds) broken.push(promise);
  };
  try {
    const next = wantedOf(faulty, scenario);
    faulty.aim(fault);
    const { answers, confirmed } = await faulty.deploy(next, "t1", fault.kind === "full" ? 5 : 150);
    // On a disk that stays full the host only finishes once there is room.
    faulty.lift();
    demand(await faulty.waitForUnit(120), "everything ends within its bounds");
    const begun = host.phase();
    demand(
      begun === "idle" || (begun === "starting" && host.target("run/current-system") === old),
      `it continues by itself (${begun})`,
    );
    const status = (await faulty.verb("status")) ?? {};
    demand(status["phase"] === "idle", `it ends idle (${status["phase"]})`);
    const running = host.target("run/current-system");
    const boots = host.target("boot/pantheros-default");
    demand(running === old || (running === next && confirmed), "a confirmed system runs, or the old one");
    demand(boots === old || (boots === next && confirmed), "a confirmed system boots");
    demand(boots === running, "the running system is the boot default");
    const last = status["last"] as Json | null;
    for (const line of [...answers, ...(last === null ? [] : [last])]) {
      const { outcome } = line as { outcome?: string };
      if (outcome === "confirmed") {
        demand(
          running === next && boots === next && host.profile() === next && status["confirmed"] === true,
          "the result confirmed is true",
        );
      }
      if (outcome === "rolled-back")
        demand(running === old && boots === old && host.profile() === old, "the result rolled-back is true");
      if (outcome === "current") demand(running === next, "the result current is true");
    }
    demand(status["confirmed"] !== true || running === next, "the committed system is the running one");
    for (const unit of ["sshd.service", "nginx.service"])
      demand(host.read("fake/serving").includes(unit), `${unit} serves`);
    // The deployer can still deploy, and the previous system is recorded correctly.
    // A busy machine is slow to confirm, and here nothing waits until the window ends.
    const third = host.closure("third", { conf: { ...bounds, confirm_seconds: 600 } });
    const again = await faulty.deploy(third, "t3");
    await faulty.waitForUnit(30);
    demand(
      host.target("run/current-system") === third && host.target("boot/pantheros-default") === third,
      `the next deploy works: ${JSON.stringify(again.answers)}`,
    );
    demand(
      host.target("nix/var/nix/gcroots/pantheros-previous") === running,
      "rollback has the previous system",
    );
    if (broken.length > 0) broken.push(host.read("fake/journal"), JSON.stringify({ answers, last }));
    return broken;
  } catch (error) {
    return [...broken, String(error)];
  } finally {
    host.remove();
  }
}
