/** A stack's state in a bucket of a world's S3 emulator, and a small program that needs no vendor. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { Finished, World } from "./world.ts";

const REGION = "eu-central-003";
/** Attempts to see a file, a tenth of a second apart: longer than a run may take. */
const ATTEMPTS = 3000;

export class BucketState {
  readonly #world: World;
  readonly #s3: S3Client;
  readonly #stack: string;
  readonly #bucket: string;
  /** Key of the stack's state. */
  readonly key: string;

  private constructor(world: World, endpoint: string, stack: string, bucket: string) {
    this.#world = world;
    this.#stack = stack;
    this.#bucket = bucket;
    this.key = `.pulumi/stacks/pantheros/${stack}.json`;
    this.#s3 = new S3Client({
      endpoint,
      region: REGION,
      forcePathStyle: true,
      // As tools/env.sh sets it for the Pulumi CLI.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      credentials: {
        accessKeyId: world.env["AWS_ACCESS_KEY_ID"] ?? "",
        secretAccessKey: world.env["AWS_SECRET_ACCESS_KEY"] ?? "",
      },
    });
  }

  /** Makes the bucket and the stack, as docs/state.md says. The world's vendors must run. */
  static async make(world: World, stack: string, bucket: string): Promise<BucketState> {
    const settings = readFileSync(world.file("Pulumi.faults.yaml"), "utf8");
    const endpoint = /pantheros:s3Endpoint: (.*)/.exec(settings)?.[1] ?? "";
    const state = new BucketState(world, endpoint, stack, bucket);
    await state.#s3.send(new CreateBucketCommand({ Bucket: bucket }));
    // B2 has its own host for each region; an endpoint that is an address needs the bucket in the path.
    world.env["PULUMI_BACKEND_URL"] =
      `s3://${bucket}?endpoint=${endpoint}&region=${REGION}&s3ForcePathStyle=true`;
    return state;
  }

  async init(directory: string): Promise<void> {
    const words = ["--cwd", directory, "stack", "init", this.#stack, "--no-select"];
    const made = await this.#world.run([
      "tools/with",
      "pulumi",
      ...words,
      "--secrets-provider",
      "passphrase",
    ]);
    if (made.code !== 0) throw new Error(made.output);
  }

  async read(key = this.key): Promise<string> {
    const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
    return (await Body?.transformToString()) ?? "";
  }

  async write(text: string): Promise<void> {
    await this.#s3.send(new PutObjectCommand({ Bucket: this.#bucket, Key: this.key, Body: text }));
  }

  async keys(): Promise<string[]> {
    const { Contents = [] } = await this.#s3.send(new ListObjectsV2Command({ Bucket: this.#bucket }));
    return Contents.flatMap(({ Key }) => Key ?? []);
  }

  /** Id of the newest version of the state. */
  async version(): Promise<string> {
    const request = new ListObjectVersionsCommand({ Bucket: this.#bucket, Prefix: this.key });
    const { Versions = [] } = await this.#s3.send(request);
    const latest = Versions.find(({ Key, IsLatest }) => Key === this.key && IsLatest === true);
    if (latest?.VersionId === undefined) throw new Error("the state has no version");
    return latest.VersionId;
  }

  /** Makes an older version the newest one, as `aws s3api copy-object` does. */
  async restore(version: string): Promise<void> {
    const source = `${this.#bucket}/${this.key}?versionId=${version}`;
    await this.#s3.send(new CopyObjectCommand({ Bucket: this.#bucket, Key: this.key, CopySource: source }));
  }
}

/** A program with two commands, of which the second needs the first, and a secret output. */
export class SmallProgram {
  readonly #world: World;
  readonly #stack: string;
  readonly directory: string;

  constructor(world: World, stack: string) {
    this.#world = world;
    this.#stack = stack;
    this.directory = world.file(`program-${stack}`);
    mkdirSync(this.directory);
    symlinkSync(resolve("node_modules"), `${this.directory}/node_modules`);
    writeFileSync(`${this.directory}/package.json`, '{ "type": "module", "main": "index.js" }');
    writeFileSync(
      `${this.directory}/Pulumi.yaml`,
      "name: pantheros\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.js\n",
    );
  }

  /** @param first the first command's text */
  write(first: string, secret: string): void {
    writeFileSync(
      `${this.directory}/index.js`,
      `import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
const first = new command.local.Command("first", { create: ${JSON.stringify(first)} });
new command.local.Command("second", { create: pulumi.interpolate\`echo \${first.stdout}\` });
export const word = first.stdout;
export const hidden = pulumi.secret(${JSON.stringify(secret)});
`,
    );
  }

  #words(words: readonly string[]): string[] {
    return ["tools/pulumi", "--cwd", this.directory, ...words, "--stack", this.#stack];
  }

  pulumi(...words: readonly string[]): Promise<Finished> {
    return this.#world.run(this.#words(words));
  }

  up(): Promise<Finished> {
    return this.pulumi("up", "--yes", "--skip-preview", "--suppress-outputs");
  }

  /** Starts an up, and resolves when the command has made `file`. */
  async startUp(file: string): Promise<ChildProcess> {
    const [program = "", ...args] = this.#words(["up", "--yes", "--skip-preview", "--suppress-outputs"]);
    const child = spawn(program, args, { env: this.#world.env, stdio: "ignore", detached: true });
    for (let attempt = 0; !existsSync(file); attempt++) {
      if (attempt === ATTEMPTS) throw new Error(`${file} was not made`);
      await sleep(100);
    }
    return child;
  }
}
