import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { StackOutputs } from "../../outputs/contract.ts";
import { type Finished, hostsOf, Sandbox } from "../sandbox/sandbox.ts";
import { type Edit, gateFile } from "./edits.ts";
import { expectWell, Run, summaries } from "./run.ts";

export * from "./edits.ts";
export * from "./run.ts";

/** What a host runs and would boot, and which of its units serve. */
export interface Moment {
  readonly running: string;
  readonly boots: string;
  readonly serving: readonly string[];
}

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

const hostsIn = (fleet: string): string[] =>
  [...fleet.matchAll(/^\[hosts\.([a-z][a-z0-9-]*)\]/gm)].map(([, host = ""]) => host).sort();

/** A fleet that is broken in one way after the other, and mended each time. */
export class Rehearsal extends Sandbox {
  #mended = "";
  #broken = false;
  #published: Promise<StackOutputs> | undefined;

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
    expectWell(await this.cli("up", ...options));
    this.#broken = options.includes("--no-deploy");
  }

  async lower(): Promise<void> {
    expectWell(await this.cli("down"));
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

  /** Of the mended fleet. */
  get hosts(): readonly string[] {
    return hostsIn(this.#mended);
  }

  /** For beforeEach: what a row that failed half way left is put right, so that rows fail alone. */
  async converged(): Promise<void> {
    if (!this.#broken) return;
    for (const host of this.hosts) await this.press(host, "start", "plug", "free");
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

  /** The fleet is the mended one and this edit; nothing of the rows before. */
  only(edit: Edit): void {
    this.#broken = true;
    writeFileSync(this.file("nix", "fleet.toml"), edit(this.#mended));
  }

  /** An edit that stays: part of the mended fleet from now on. */
  keep(edit: Edit): void {
    this.#mended = edit(this.#mended);
  }

  async moment(host: string): Promise<Moment> {
    const ask = `readlink /run/current-system; readlink -f /boot/pantheros-default; ${serving}`;
    const { code, output } = await this.inside(host, ask);
    if (code !== 0) throw new Error(`${host}: ${output}`);
    const [running = "", boots = "", ...units] = output.trim().split("\n");
    for (const path of [running, boots]) expect(path).toMatch(/^\/nix\/store\//);
    return { running, boots, serving: units.sort() };
  }

  /** After a boot, units start in the background. */
  async serves(host: string, unit: string): Promise<void> {
    await until(`${unit} serves on ${host}`, 60, async () =>
      (await this.moment(host).catch(() => undefined))?.serving.includes(unit) ? true : undefined,
    );
  }

  /** The system of `before` runs and boots, all that served then serves, and nothing is under way. */
  async isBack(host: string, before: Moment): Promise<void> {
    const now = await until(`${host}'s units are back`, 60, async () => {
      // Early in a boot there is nothing to see yet.
      const found = await this.moment(host).catch(() => undefined);
      return before.serving.every((unit) => found?.serving.includes(unit)) ? found : undefined;
    }).catch(() => this.moment(host));
    expect(now.serving).toEqual(expect.arrayContaining([...before.serving]));
    expect(now).toMatchObject({ running: before.running, boots: before.boots });
    expect(await this.supervisor(host, "phase")).toMatch(/^(idle|)$/);
  }

  /** It is back, and the outputs say the same. */
  async expectBack(host: string, before: Moment): Promise<void> {
    await this.isBack(host, before);
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
    const up = await this.up();
    expectWell(up);
    const ends = [...summaries(up.output).values()].map(([line = ""]) => line.trim().replace(/,.*/, ""));
    // An `up` that finds all judged already says nothing of it again.
    if (ends.length > 0) expect(ends.sort()).toEqual(this.hosts.map((host) => `${host}: confirmed`));
    await this.expectConfirmed();
    expect(await this.changes()).toEqual([]);
    this.#broken = false;
  }

  /** Hosts that a preview would change. */
  async wouldChange(): Promise<string[]> {
    return [...hostsOf(await this.changes(), hostsIn(this.#read()))].sort();
  }

  /** A value of the supervisor's record of what is under way: phase, token, wanted, recorded. Empty: never any. */
  async supervisor(host: string, key: string): Promise<string> {
    const { output } = await this.inside(
      host,
      `sed -n 's/^${key}=//p' /var/lib/pantheros/record 2>/dev/null | tail -n 1`,
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
    expectWell(await this.inside(host, `rm -f ${gateFile}`));
  }

  async openGate(host: string): Promise<void> {
    expectWell(await this.inside(host, `touch ${gateFile}`));
  }

  /** `pulumi up` that the test goes on beside. */
  start(prefix: readonly string[] = [], options: readonly string[] = []): Run {
    return new Run(this.environment, prefix, options);
  }

  /** Presses a machine's button, as `sandbox machine` does. */
  async press(host: string, ...buttons: readonly string[]): Promise<void> {
    for (const button of buttons) {
      expectWell(await this.cli("machine", button, host));
    }
  }

  /** A command as the deploy user, over SSH, with the pinned key that the stack published. */
  async deployer(host: string, ...command: readonly string[]): Promise<Finished> {
    this.#published ??= this.outputs();
    const { addresses, hostKey } = (await this.#published).hosts[host] ?? { addresses: {} };
    const pins = this.file(`pins-${host}`);
    writeFileSync(pins, `${addresses.ipv4} ${hostKey}\n`);
    const known = ["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${pins}`];
    const login = ["-F", "/dev/null", "-i", this.file("keys", "deploy"), "-o", "BatchMode=yes"];
    return this.inDriver("ssh", ...login, ...known, `deploy@${addresses.ipv4}`, ...command);
  }
}
