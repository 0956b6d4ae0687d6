import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { listProcesses } from "../../sandbox/machines/namespace-processes.ts";
import { type Finished, hostsOf, Sandbox } from "../sandbox/sandbox.ts";

/** Milliseconds of one test; a row is some runs of Pulumi, and a busy computer is slow. */
export const generous = 10 * 60_000;

/** What a host runs, and which of its units serve. */
export interface Moment {
  readonly running: string;
  readonly serving: readonly string[];
}

type Edit = (fleet: string) => string;

/** Units of sessions, of one activation, and behind a socket come and go by themselves. */
const serving =
  "systemctl list-units --type=service,socket --state=running,listening --plain --no-legend --no-pager" +
  " | awk '$1 !~ /^(user|sshd|ssh)@|^session-|^run-|^user-runtime|^pantheros-activation|^systemd-|^nix-daemon[.]service/ { print $1 }'";

/** Asks every half second until there is an answer; the error names what was waited for. */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resume) => setTimeout(resume, 500));
  }
}

/** `more` put into a host's `sandbox` table. */
export const fault =
  (host: string, more: string): Edit =>
  (fleet) =>
    fleet.replace(`motd = "${host} of the sandbox"`, `motd = "${host}, changed", ${more}`);

/** A change of a host's system and nothing else. */
export const change =
  (host: string, text: string): Edit =>
  (fleet) =>
    fleet.replace(`motd = "${host} of the sandbox"`, `motd = "${text}"`);

/** A further health check of a host; `target` is the key of its kind, such as `unit = "a.service"`. */
export const check =
  (host: string, name: string, kind: string, target: string): Edit =>
  (fleet) =>
    `${fleet}\n[[hosts.${host}.health]]\nname = "${name}"\nkind = "${kind}"\n${target}\n`;

const gateFile = "/run/pantheros-gate";

/** A health check that holds until `openGate`: a new system that runs and waits at a known place. */
export const gated = (host: string): Edit =>
  check(host, "gate", "command", `command = "test -e ${gateFile}"`);

export const all =
  (...edits: readonly Edit[]): Edit =>
  (fleet) =>
    edits.reduce((text, edit) => edit(text), fleet);

/** A fourth machine, adopted. */
export const withSpare: Edit = (fleet) => `${fleet}
[hosts.spare]
environment = "sandbox"
profiles = ["server"]
tags = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.21" }
sandbox = { motd = "spare of the sandbox" }
`;

/** Seconds of the windows. */
export const windows =
  (confirm: number, health: number): Edit =>
  (fleet) =>
    fleet
      .replace("confirm_seconds = 30", `confirm_seconds = ${confirm}`)
      .replace("health_seconds = 20", `health_seconds = ${health}`);

/** A fleet that is broken in one way after the other, and mended each time. */
export class Rehearsal extends Sandbox {
  #mended = "";
  #broken = false;

  constructor(theme: string) {
    super(`fail-${theme}`);
  }

  /** Brings the fleet up; `edit` is part of it from then on. */
  async raise(edit: Edit, ...options: readonly string[]): Promise<void> {
    if (existsSync(this.directory)) await this.cli("down");
    this.#remove();
    await this.fresh();
    this.editFleet(edit);
    this.#mended = this.#read();
    expect(shown(await this.cli("up", ...options))).toMatchObject({ code: 0 });
    this.#broken = options.includes("--no-deploy");
  }

  async lower(): Promise<void> {
    expect(shown(await this.cli("down"))).toMatchObject({ code: 0 });
    this.#remove();
  }

  /** Files of tests that `down` does not know; nothing runs from there any more. */
  #remove(): void {
    expect(this.remains()).toEqual([]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #read(): string {
    return readFileSync(this.file("nix", "fleet.toml"), "utf8");
  }

  get hosts(): readonly string[] {
    return [...this.#mended.matchAll(/^\[hosts\.([a-z]+)\]/gm)].map(([, host = ""]) => host).sort();
  }

  /** For beforeEach: what a row that failed half way left is put right, so that rows fail alone. */
  async converged(): Promise<void> {
    if (!this.#broken) return;
    for (const host of this.hosts) await this.cli("machine", "start", host);
    writeFileSync(this.file("nix", "fleet.toml"), this.#mended);
    const repaired = await until("the fleet of the row before is repaired", 120, async () => {
      const up = await this.up();
      return up.code === 0 ? up : undefined;
    });
    expect(repaired.code).toBe(0);
    this.#broken = false;
  }

  /** Edits the fleet, which `mend` takes back. */
  break(edit: Edit): void {
    this.#broken = true;
    this.editFleet(edit);
  }

  async moment(host: string): Promise<Moment> {
    const { code, output } = await this.inside(host, `readlink /run/current-system; ${serving}`);
    if (code !== 0) throw new Error(`${host}: ${output}`);
    const [running = "", ...units] = output.trim().split("\n");
    expect(running).toMatch(/^\/nix\/store\//);
    return { running, serving: units.sort() };
  }

  /** After a boot, units start in the background. */
  async serves(host: string, unit: string): Promise<void> {
    await until(`${unit} serves on ${host}`, 60, async () =>
      (await this.moment(host).catch(() => undefined))?.serving.includes(unit) ? true : undefined,
    );
  }

  /** The system of `before` runs, all that served then serves, and the outputs say the same. */
  async expectBack(host: string, before: Moment): Promise<void> {
    const now = await until(`${host}'s units are back`, 60, async () => {
      const found = await this.moment(host);
      return before.serving.every((unit) => found.serving.includes(unit)) ? found : undefined;
    }).catch(() => this.moment(host));
    expect(now.serving).toEqual(expect.arrayContaining([...before.serving]));
    expect(now.running).toBe(before.running);
    expect(await this.supervisor(host, "phase")).toMatch(/^(idle|)$/);
    expect((await this.outputs()).hosts[host]).toMatchObject({
      outcome: "rolled-back",
      closure: before.running,
    });
  }

  /** Every host but `except` is confirmed, and runs what the outputs say. */
  async expectConfirmed(...except: readonly string[]): Promise<void> {
    const { hosts } = await this.outputs();
    for (const host of this.hosts.filter((name) => !except.includes(name))) {
      expect([host, hosts[host]]).toMatchObject([
        host,
        { outcome: "confirmed", closure: await this.running(host) },
      ]);
    }
  }

  /** The mended fleet converges with the next `up`, and the preview after it shows no change. */
  async mend(): Promise<void> {
    this.#broken = true;
    writeFileSync(this.file("nix", "fleet.toml"), this.#mended);
    expect(shown(await this.up())).toMatchObject({ code: 0 });
    await this.expectConfirmed();
    expect(await this.changes()).toEqual([]);
    this.#broken = false;
  }

  /** Hosts that a preview would change. */
  async wouldChange(): Promise<string[]> {
    const steps = await this.changes();
    const hosts = new Set([
      ...hostsOf(steps),
      ...this.hosts.filter((host) => steps.some(({ urn }) => urn.includes(host))),
    ]);
    return [...hosts].sort();
  }

  /** A value of the supervisor's record of what is under way: phase, token, wanted, recorded. Empty: never any. */
  async supervisor(host: string, key: string): Promise<string> {
    const { output } = await this.inside(
      host,
      `sed -n 's/^${key}=//p' /var/lib/pantheros/record 2>/dev/null`,
    );
    return output.trim();
  }

  async phase(host: string, phase: string, run?: Run): Promise<void> {
    await until(`${host} is ${phase}`, 180, async () => {
      if ((await this.supervisor(host, "phase").catch(() => "")) === phase) return true;
      const ended = run?.ended();
      if (ended !== undefined) throw new Error(`the run ended before ${host} was ${phase}:\n${ended.output}`);
      return undefined;
    });
  }

  async closeGate(host: string): Promise<void> {
    expect(await this.inside(host, `rm -f ${gateFile}`)).toMatchObject({ code: 0 });
  }

  async openGate(host: string): Promise<void> {
    expect(await this.inside(host, `touch ${gateFile}`)).toMatchObject({ code: 0 });
  }

  /** `pulumi up` that the test goes on beside. */
  start(): Run {
    return new Run(this.environment);
  }

  /** A command as the deploy user, over SSH. */
  deployer(host: string, ...command: readonly string[]): Promise<Finished> {
    return this.cli("ssh", host, ...command);
  }
}

export interface Row {
  /** In the table's words. */
  readonly row: string;
  readonly host: string;
  readonly edit: Edit;
  /** What `up` says: how it ended and where, and the unit, command or check. */
  readonly end: string;
  readonly names: RegExp;
}

/** Rows of which each breaks a host of its own, so that one run rehearses them all. */
export function rehearse(fleet: Rehearsal, theme: string, rows: readonly Row[]): void {
  describe(theme, () => {
    const before = new Map<string, Moment>();
    const hosts = rows.map(({ host }) => host);
    let ran: Finished = { code: -1, output: "" };

    beforeAll(async () => {
      await fleet.converged();
      for (const host of hosts) before.set(host, await fleet.moment(host));
      fleet.break(all(...rows.map(({ edit }) => edit)));
      ran = await fleet.up();
    }, generous);

    for (const { row, host, end, names } of rows) {
      test(row, async () => {
        expectTold(ran, `${host}: ${end}`, names);
        await fleet.expectBack(host, before.get(host) ?? { running: "", serving: [] });
      });
    }

    test(`${theme}: a preview shows that the next up tries again; mended, it converges, and the one after shows no change`, async () => {
      await fleet.expectConfirmed(...hosts);
      expect(await fleet.wouldChange()).toEqual([...hosts].sort());
      await fleet.mend();
    });
  });
}

/** A run of `pulumi up` under way. */
export class Run {
  readonly end: Promise<Finished>;
  readonly #child: ChildProcess;
  #ended: Finished | undefined;

  constructor(environment: NodeJS.ProcessEnv) {
    const argv = ["up", "--yes", "--skip-preview", "--color", "never", "--stack", "sandbox"];
    this.#child = spawn("tools/pulumi", argv, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk) => {
        output += String(chunk);
      });
    }
    const bound = setTimeout(() => this.kill(), generous - 60_000);
    this.end = new Promise((done) => {
      this.#child.on("close", (code) => {
        clearTimeout(bound);
        this.#ended = { code: code ?? -1, output };
        done(this.#ended);
      });
    });
  }

  ended(): Finished | undefined {
    return this.#ended;
  }

  /** Ends the runner and all that it started at once, as a power cut would. */
  kill(): void {
    const everything = listProcesses();
    const own = new Set([this.#child.pid ?? -1]);
    for (let before = 0; before !== own.size; ) {
      before = own.size;
      for (const { pid, parent } of everything) if (own.has(parent)) own.add(pid);
    }
    for (const pid of own) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // ended meanwhile
      }
    }
  }
}

/** A result as an assertion shows it: the end of a long output. */
export const shown = ({ code, output }: Finished) => ({ code, end: output.slice(-4000) });

/** The run failed and said so: host, end, step, and each of `more`. */
export function expectTold(ran: Finished, told: string, ...more: readonly (string | RegExp)[]): void {
  expect(ran.code).not.toBe(0);
  expect(ran.code).not.toBe(-1);
  expect(ran.output).toContain(told);
  for (const text of more) expect(ran.output).toMatch(text);
}
