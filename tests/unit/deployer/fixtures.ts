import { deploy } from "../../../deployer/deploy/deploy.ts";
import { type DeploySpec, type DeploySpecInput, deploySpec } from "../../../deployer/deploy/spec.ts";
import type { Command, CommandResult, Runner } from "../../../deployer/process/runner.ts";
import { type DeployResult, deployResult } from "../../../deployer/protocol/result.ts";
import type { SupervisorStatus } from "../../../deployer/protocol/supervisor.ts";

const hash = (letter: string) => letter.repeat(32);

/** A store path of a system; `letter` tells two of them apart. */
export const system = (letter: string, host = "web"): string =>
  `/nix/store/${hash(letter)}-nixos-system-${host}-25.11`;
export const drv = (letter: string): string => `${system(letter)}.drv`;

/** Files of the runner that the steps use. */
export const files = {
  knownHosts: "/tmp/known_hosts",
  sshConfig: "/tmp/ssh_config",
  connections: "/tmp/d",
  identity: "/keys/deploy",
};

export const oldSystem = system("a");
export const newSystem = system("b");

export function spec(more: Partial<DeploySpecInput> = {}): DeploySpec {
  return deploySpec.parse({
    schemaVersion: 1,
    host: "web",
    address: "203.0.113.10",
    user: "deploy",
    hostKeys: ["ssh-ed25519 AAAAC3Nza comment"],
    drvPath: drv("b"),
    outPath: newSystem,
    token: "t1",
    ...more,
  });
}

/** The status of a host that runs a confirmed system, by default the old one. */
export function status(more: Partial<SupervisorStatus> = {}): SupervisorStatus {
  const running = more.system ?? oldSystem;
  return {
    version: 1,
    system: running,
    booted: running,
    profile: running,
    bootDefault: running,
    generation: 7,
    bootId: "b-1",
    token: "t0",
    confirmed: true,
    phase: "idle",
    activation: null,
    last: null,
    failedUnits: [],
    ...more,
  };
}

export const ok = (stdout: unknown = ""): CommandResult => ({
  exitCode: 0,
  timedOut: false,
  stdout: typeof stdout === "string" ? stdout : `${JSON.stringify(stdout)}\n`,
  stderr: "",
});
export const broken = (stderr: string, exitCode = 1): CommandResult => ({
  exitCode,
  timedOut: false,
  stdout: "",
  stderr,
});
export const printed = (json: unknown, exitCode: number): CommandResult => ({ ...ok(json), exitCode });
export const lost = broken("Timeout, server web not responding.", 255);
export const refusedConnection = broken("ssh: connect to host 203.0.113.10 port 22: Connection refused", 255);
export const hung: CommandResult = { exitCode: null, timedOut: true, stdout: "", stderr: "" };

/** The step that a command belongs to, by its words. */
function kindOf({ argv }: Command): string {
  const words = argv.join(" ");
  if (argv[0] === "ssh" && argv.includes("-O")) return "close";
  if (argv[0] === "ssh" && argv.includes("-N")) return "connect";
  if (argv[0] === "ssh" && words.includes(" config show ")) return "trust";
  if (argv[0] === "ssh") return /pantheros-supervisor (\w+)/.exec(words)?.[1] ?? "ssh";
  if (argv[0] === "nixos-anywhere") return argv[argv.indexOf("--phases") + 1] ?? "?";
  if (words.includes(" store sign ")) return "sign";
  if (words.includes(" path-info ")) return words.includes("--store ") ? "theirs" : "own";
  if (words.includes(" copy ")) return /--to (ssh-ng|unix):/.test(words) ? "copy" : "push";
  return "build";
}

/** The default answers of `world`: a connection can be opened and closed. */
const reachable = { connect: [ok()], close: [ok()] };

/**
 * A runner that gives these answers in turn for each kind of command, and repeats the last one of a kind.
 * Its clock moves only by sleeps and commands.
 */
export function world(
  given: Record<string, CommandResult[]>,
  keys: Partial<{ signingKey: string; identity: string }> = {},
  /** Whether the runner's file system has the path. */
  exists: (path: string) => boolean = () => true,
  hostKeyFile: () => string = () => "/tmp/d/web.secret-key",
) {
  const answers: Record<string, CommandResult[]> = { ...reachable, ...given };
  const commands: Command[] = [];
  const progress: string[] = [];
  const written = new Map<string, string>();
  let clock = 0;
  const run: Runner = async (command) => {
    const kind = kindOf(command);
    const left = answers[kind];
    const answer = left !== undefined && left.length > 1 ? left.shift() : left?.[0];
    if (answer === undefined) throw new Error(`the test has no answer for ${kind}`);
    commands.push(command);
    if (command.argv[0] === "sh") written.set(command.argv[3] ?? "", answer.stdout);
    clock += answer.timedOut ? command.timeoutSeconds * 1000 : 100;
    return answer;
  };
  return {
    commands,
    progress,
    kinds: () => commands.map(kindOf),
    tools: {
      run,
      exists,
      hostKeyFile,
      /** The answer that a command wrote into this file. */
      read: (path: string) => written.get(path) ?? "",
      files: {
        knownHosts: "/tmp/k",
        sshConfig: "/tmp/c",
        connections: "/tmp/d",
        bootstrapHosts: "/tmp/b",
        hosts: "/tmp/k",
        extraFiles: "/tmp/x/root",
        programs: "/tmp/x/bin",
        ...keys,
      },
      now: () => clock,
      sleep: async (ms: number) => {
        clock += ms;
      },
      progress: (line: string) => {
        progress.push(line);
      },
    },
  };
}

/** The result of a deploy in this world, which has the form that the outputs are read from. */
export async function outcomeOf(
  { tools }: Pick<ReturnType<typeof world>, "tools">,
  more: Partial<DeploySpecInput> = {},
): Promise<DeployResult> {
  const result = await deploy(spec(more), tools);
  expect(deployResult.parse(result)).toEqual(result);
  return result;
}
