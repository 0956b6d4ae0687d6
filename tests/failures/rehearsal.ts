import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { StackOutputs } from "../../outputs/contract.ts";
import { type Finished, hostsOf, Sandbox } from "../sandbox/sandbox.ts";
import { type Edit, gateFile } from "./edits.ts";
import { expectSuccess, Run, summaries } from "./run.ts";

export * from "./edits.ts";
export * from "./run.ts";

/** A host's running system, boot default and serving units. */
export interface HostState {
  readonly running: string;
  readonly boots: string;
  readonly serving: readonly string[];
}

/** Units of sessions, of an activation and of sockets start and stop by themselves. */
const serving =
  "systemctl list-units --type=service,socket --state=running,listening --plain --no-legend --no-pager" +
  " | awk '$1 !~ /^(user|sshd|ssh)@|^session-|^run-|^user-runtime|^pantheros-activation|^systemd-|^nix-daemon[.]service/ { print $1 }'";

/** Polls every half second until there is a result; the error names `what`. */
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

/** A fleet that each row breaks in its own way, and repairs afterwards. */
export class Rehearsal extends Sandbox {
  #baseline = "";
  #broken = false;
  #published: Promise<StackOutputs> | undefined;

  constructor(theme: string) {
    super(`fail-${theme}`);
  }

  /** Starts the fleet; `edit` becomes part of its baseline. */
  async startFleet(edit: Edit, ...options: readonly string[]): Promise<void> {
    if (existsSync(this.directory)) await this.cli("down");
    this.#remove();
    await this.reset();
    this.editFleet(edit);
    this.#baseline = this.#read();
    expectSuccess(await this.cli("up", ...options));
    this.#broken = options.includes("--no-deploy");
  }

  async stopFleet(): Promise<void> {
    expectSuccess(await this.cli("down"));
    this.#remove();
  }

  /** Removes the tests' own files, which `down` leaves. */
  #remove(): void {
    expect(this.leftovers()).toEqual([]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #read(): string {
    return readFileSync(this.file("nix", "fleet.toml"), "utf8");
  }

  /** Hosts of the baseline. */
  get hosts(): readonly string[] {
    return hostsIn(this.#baseline);
  }

  /** For beforeEach: repairs what a failed row left, so that rows fail independently. */
  async ensureConverged(): Promise<void> {
    if (!this.#broken) return;
    for (const host of this.hosts) await this.operate(host, "start", "plug", "free");
    writeFileSync(this.file("nix", "fleet.toml"), this.#baseline);
    const repaired = await until("the fleet of the row before is repaired", 120, async () => {
      const up = await this.up();
      return up.code === 0 ? up : undefined;
    });
    expect(repaired.code).toBe(0);
    this.#broken = false;
  }

  /** Edits the fleet; `repair` undoes it. */
  break(edit: Edit): void {
    this.#broken = true;
    this.editFleet(edit);
  }

  /** The fleet becomes the baseline with this edit only. */
  replaceEdit(edit: Edit): void {
    this.#broken = true;
    writeFileSync(this.file("nix", "fleet.toml"), edit(this.#baseline));
  }

  /** Adds an edit to the baseline. */
  addToBaseline(edit: Edit): void {
    this.#baseline = edit(this.#baseline);
  }

  async hostState(host: string): Promise<HostState> {
    const ask = `readlink /run/current-system; readlink -f /boot/pantheros-default; ${serving}`;
    const { code, output } = await this.onMachine(host, ask);
    if (code !== 0) throw new Error(`${host}: ${output}`);
    const [running = "", boots = "", ...units] = output.trim().split("\n");
    for (const path of [running, boots]) expect(path).toMatch(/^\/nix\/store\//);
    return { running, boots, serving: units.sort() };
  }

  /** Waits for a unit, since units start in the background after a boot. */
  async waitServing(host: string, unit: string): Promise<void> {
    await until(`${unit} serves on ${host}`, 60, async () =>
      (await this.hostState(host).catch(() => undefined))?.serving.includes(unit) ? true : undefined,
    );
  }

  /** Waits until the system of `before` runs and boots, its units serve, and no deploy is under way. */
  async waitRolledBack(host: string, before: HostState): Promise<void> {
    const now = await until(`${host}'s units are back`, 60, async () => {
      // Early in a boot there are no units yet.
      const found = await this.hostState(host).catch(() => undefined);
      return before.serving.every((unit) => found?.serving.includes(unit)) ? found : undefined;
    }).catch(() => this.hostState(host));
    expect(now.serving).toEqual(expect.arrayContaining([...before.serving]));
    expect(now).toMatchObject({ running: before.running, boots: before.boots });
    expect(await this.recordValue(host, "phase")).toMatch(/^(idle|)$/);
  }

  /** The host has rolled back, and the outputs agree. */
  async expectRolledBack(host: string, before: HostState): Promise<void> {
    await this.waitRolledBack(host, before);
    expect((await this.outputs()).hosts[host]).toMatchObject({
      outcome: "rolled-back",
      closure: before.running,
    });
  }

  /** Every host but `except` is confirmed and runs the closure of the outputs. */
  async expectConfirmed(...except: readonly string[]): Promise<void> {
    const { hosts } = await this.outputs();
    for (const host of this.hosts.filter((name) => !except.includes(name))) {
      expect([host, hosts[host]]).toMatchObject([
        host,
        { outcome: "confirmed", closure: await this.running(host) },
      ]);
    }
  }

  /** The next `up` of the baseline converges, and the preview after it shows no change. */
  async repair(): Promise<void> {
    this.#broken = true;
    writeFileSync(this.file("nix", "fleet.toml"), this.#baseline);
    const up = await this.up();
    expectSuccess(up);
    const ends = [...summaries(up.output).values()].map(([line = ""]) => line.trim().replace(/,.*/, ""));
    // An `up` without a change prints no verdict.
    if (ends.length > 0) expect(ends.sort()).toEqual(this.hosts.map((host) => `${host}: confirmed`));
    await this.expectConfirmed();
    expect(await this.changes()).toEqual([]);
    this.#broken = false;
  }

  /** Hosts that a preview would change. */
  async hostsToChange(): Promise<string[]> {
    return [...hostsOf(await this.changes(), hostsIn(this.#read()))].sort();
  }

  /** A value of the supervisor's record: phase, token, wanted, recorded. Empty without a record. */
  async recordValue(host: string, key: string): Promise<string> {
    const { output } = await this.onMachine(
      host,
      `sed -n 's/^${key}=//p' /var/lib/pantheros/record 2>/dev/null | tail -n 1`,
    );
    return output.trim();
  }

  async waitPhase(host: string, phase: string, run?: Run): Promise<void> {
    await until(`${host} is ${phase}`, 180, async () => {
      if ((await this.recordValue(host, "phase").catch(() => "")) === phase) return true;
      const ended = run?.ended();
      if (ended !== undefined) throw new Error(`the run ended before ${host} was ${phase}:\n${ended.output}`);
      return undefined;
    });
  }

  async closeGate(host: string): Promise<void> {
    expectSuccess(await this.onMachine(host, `rm -f ${gateFile}`));
  }

  async openGate(host: string): Promise<void> {
    expectSuccess(await this.onMachine(host, `touch ${gateFile}`));
  }

  /** Starts `pulumi up` in the background. */
  start(prefix: readonly string[] = [], options: readonly string[] = []): Run {
    return new Run(this.environment, prefix, options);
  }

  /** Runs operations of `sandbox machine`. */
  async operate(host: string, ...buttons: readonly string[]): Promise<void> {
    for (const button of buttons) {
      expectSuccess(await this.cli("machine", button, host));
    }
  }

  /** Runs a command as the deploy user, over SSH, with the host key of the outputs. */
  async asDeployUser(host: string, ...command: readonly string[]): Promise<Finished> {
    this.#published ??= this.outputs();
    const { addresses, hostKey } = (await this.#published).hosts[host] ?? { addresses: {} };
    const pins = this.file(`pins-${host}`);
    writeFileSync(pins, `${addresses.ipv4} ${hostKey}\n`);
    const known = ["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${pins}`];
    const login = ["-F", "/dev/null", "-i", this.file("keys", "deploy"), "-o", "BatchMode=yes"];
    return this.inDriver("ssh", ...login, ...known, `deploy@${addresses.ipv4}`, ...command);
  }
}
