/**
 * The `op` command, called as terraform-provider-onepassword v2.1.2 calls it (internal/onepassword/cli/op.go),
 * which the official plugin embeds: JSON on stdin, the token in the environment, no secret among the arguments.
 */
import { spawn } from "node:child_process";
import { pause } from "../framework/http.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";

interface OpSettings {
  path: string;
  serviceAccountToken?: string;
  account?: string;
}

/** Oldest version that takes JSON on stdin for `op item edit`. */
const MINIMUM = [2, 23, 0];

/** The reason in the error output of `op`. */
export function opError(stderr: string): string {
  const [, reason] = /^\[ERROR\] \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (.+)$/m.exec(stderr) ?? [];
  return reason ?? (stderr.trim() || "no reason given");
}

export function isOldEnough(version: string): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [index, least] of MINIMUM.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

export class Op {
  readonly #settings: OpSettings;
  #version: Promise<void> | undefined;

  constructor(settings: OpSettings) {
    this.#settings = settings;
  }

  #run(signal: AbortSignal, args: string[], stdin?: string): Promise<string> {
    const { path, serviceAccountToken, account } = this.#settings;
    const all = serviceAccountToken || !account ? args : [...args, `--account=${account}`];
    return new Promise((resolve, reject) => {
      const child = spawn(path, all, {
        signal,
        stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        env: {
          ...process.env,
          OP_FORMAT: "json",
          OP_INTEGRATION_NAME: "terraform-provider",
          OP_INTEGRATION_ID: "TFP",
          OP_INTEGRATION_BUILDNUMBER: "2010201",
          ...(serviceAccountToken && { OP_SERVICE_ACCOUNT_TOKEN: serviceAccountToken }),
          ...(!serviceAccountToken && account && { OP_BIOMETRIC_UNLOCK_ENABLED: "true" }),
        },
      });
      const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      child.stdout?.on("data", (chunk: Buffer) => output.stdout.push(chunk));
      child.stderr?.on("data", (chunk: Buffer) => output.stderr.push(chunk));
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(stdin);
      child.on("error", (error) =>
        reject(new Error(`${path} ${args.slice(0, 2).join(" ")}: ${error.message}`)),
      );
      child.on("close", (code) => {
        const stderr = Buffer.concat(output.stderr).toString("utf8");
        if (code === 0) resolve(Buffer.concat(output.stdout).toString("utf8"));
        else reject(new Error(`op ${args.slice(0, 2).join(" ")}: exit ${code}: ${opError(stderr)}`));
      });
    });
  }

  async json(signal: AbortSignal, args: string[], stdin?: Json): Promise<Json> {
    this.#version ??= this.#run(signal, ["--version"]).then((version) => {
      const number = version.trim().replaceAll('"', "");
      if (!isOldEnough(number))
        throw new Error(`op is version ${number}; ${MINIMUM.join(".")} or later is needed`);
    });
    await this.#version;
    const answer = await this.#run(signal, args, stdin === undefined ? undefined : JSON.stringify(stdin));
    return answer.trim() === "" ? null : (JSON.parse(answer) as Json);
  }

  /** Writes; retries at most three times after a conflict with another write to the vault. */
  async write(signal: AbortSignal, args: string[], stdin?: Json): Promise<Properties> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return object(await this.json(signal, args, stdin));
      } catch (error) {
        if (attempt === 3 || !(error instanceof Error && error.message.includes("409"))) throw error;
        await pause(100 + 500 * 2 ** attempt * (0.5 + Math.random() / 2), signal);
      }
    }
  }

  async item(signal: AbortSignal, vault: string, item: string): Promise<Properties> {
    return object(await this.json(signal, ["item", "get", item, `--vault=${vault}`]));
  }

  async vaults(signal: AbortSignal): Promise<Properties[]> {
    return objects(await this.json(signal, ["vault", "list"]));
  }
}
