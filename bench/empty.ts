/** Pulumi's own time: the preview of a program without resources. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { BenchFleet } from "./fleet.ts";
import { type Finished, must } from "./run.ts";

export class EmptyProgram {
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(fleet: BenchFleet) {
    this.#directory = fleet.file("empty");
    this.#env = {
      ...fleet.env,
      PULUMI_BACKEND_URL: `file://${this.#directory}/state`,
      PULUMI_CONFIG_PASSPHRASE: "bench",
    };
    delete this.#env["PULUMI_STACK"];
    mkdirSync(path.join(this.#directory, "state"), { recursive: true });
    const file = (name: string, text: string) => writeFileSync(path.join(this.#directory, name), text);
    file("package.json", '{ "name": "empty", "type": "module" }\n');
    file("index.ts", "export const nothing = 1;\n");
    file(
      "Pulumi.yaml",
      "name: empty\nmain: index.ts\nruntime: { name: nodejs, options: { typescript: false } }\n",
    );
    symlinkSync(path.join(fleet.root, "node_modules"), path.join(this.#directory, "node_modules"));
  }

  async begin(): Promise<void> {
    await this.#pulumi("stack", "init", "bench");
    await this.preview();
  }

  preview(): Promise<Finished> {
    return this.#pulumi("preview", "--stack", "bench");
  }

  #pulumi(...args: readonly string[]): Promise<Finished> {
    return must(["pulumi", ...args, "--non-interactive"], { cwd: this.#directory, env: this.#env });
  }
}
