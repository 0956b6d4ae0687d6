/** Starts the rack's emulator for a test. */
import { type ChildProcess, spawn } from "node:child_process";

export interface Rack {
  /** Variables that reach its API. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

interface RackOptions {
  readonly directory: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly computeModule: string;
  /** Program and arguments before the emulator's, such as those that enter a network namespace. */
  readonly within?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export async function startRack(options: RackOptions): Promise<Rack> {
  const { directory, name, address, port, computeModule, within = [], env = process.env } = options;
  const token = "rack-token-of-the-tests";
  const [program = "", ...words] = [
    ...within,
    ...[process.execPath, "tests/providers/rack/emulator.ts", "--dir", directory, "--name", name],
    ...["--listen", address, "--port", String(port), "--compute-module", computeModule],
  ];
  const child: ChildProcess = spawn(program, words, {
    env: { ...env, RACK_TOKEN: token },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  await new Promise<void>((ready, fail) => {
    const onData = (chunk: Buffer) => {
      output += chunk.toString();
      if (/^ready$/m.test(output)) ready();
    };
    child.stdout?.on("data", onData);
    child.stderr?.on("data", onData);
    child.once("exit", (code) => fail(new Error(`the rack ended with ${code}: ${output}`)));
  });
  return {
    env: { RACK_URL: `http://${address}:${port}`, RACK_TOKEN: token },
    async stop() {
      const gone = new Promise((done) => child.once("exit", done));
      if (child.exitCode !== null || !child.kill("SIGTERM")) return;
      await gone;
    },
  };
}
