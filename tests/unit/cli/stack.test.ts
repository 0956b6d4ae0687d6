/** The stack's configuration and outputs, read without the Pulumi CLI. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { readStackSettings } from "../../../cli/stack/config.ts";
import { stackName } from "../../../cli/stack/name.ts";
import { backendDirectory, outputsInFile, readOutputs } from "../../../cli/stack/outputs.ts";
import { Programs } from "../programs.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "pantheros-stack-"));
  writeFileSync(
    path.join(root, "Pulumi.yaml"),
    "name: pantheros\nruntime: nodejs\nconfig:\n  fleet:\n    type: string\n    value: my.toml\n  flake:\n    type: string\n    default: path:./other\n",
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const named = (stack: string) => stackName({ stack }, { env: {}, root, cwd: root });
const outputs = {
  schemaVersion: 1,
  hosts: {},
  services: {},
  dns: { records: [] },
  buckets: {},
  cache: {},
};

test("which stack: --stack, PULUMI_STACK, the sandbox; a full name has the file of its last part", () => {
  const of = (stack: string | undefined, env: NodeJS.ProcessEnv) =>
    stackName({ stack }, { env, root: "/r", cwd: "/" });
  expect(of(undefined, {}).full).toBe("sandbox");
  expect(of(undefined, { PULUMI_STACK: "staging" }).full).toBe("staging");
  expect(of("organization/pantheros/production", { PULUMI_STACK: "staging" })).toEqual({
    full: "organization/pantheros/production",
    short: "production",
    file: "/r/Pulumi.production.yaml",
    isOwnFile: false,
  });
  expect(stackName({ configFile: "x.yaml" }, { env: {}, root: "/r", cwd: "/c" }).file).toBe("/c/x.yaml");
});

describe("the configuration", () => {
  const configured = (text: string) => {
    writeFileSync(path.join(root, "Pulumi.production.yaml"), text);
    return readStackSettings(named("production"), root);
  };

  test("keys of the stack's file, then values for all stacks; scalars are texts", async () => {
    const pin = `/nix/store/${"a".repeat(32)}-nixos-system-web-25.11`;
    const settings = await configured(
      `config:\n  pantheros:environment: staging\n  pantheros:sshKey: 123\n  pantheros:pins:\n    web: ${pin}\n  other:probe: off\n`,
    );
    expect(settings).toMatchObject({
      stack: "production",
      environment: "staging",
      sshKey: "123",
      pins: { web: pin },
      fleetFile: "my.toml",
      probe: "deploy",
    });
  });

  test.each([
    ["no file", undefined],
    ["an empty file", ""],
    ["no config", "secretsprovider: default\n"],
  ])("%s: the defaults", async (_, text) => {
    const settings =
      text === undefined ? await readStackSettings(named("production"), root) : await configured(text);
    expect(settings).toMatchObject({ environment: "production", fleetFile: "my.toml", pins: {} });
  });

  test("a problem names the file", async () => {
    await expect(configured("config: [")).rejects.toThrow("Pulumi.production.yaml: ");
    await expect(configured("config: text\n")).rejects.toThrow("Pulumi.production.yaml: config: ");
    await expect(configured("config:\n  pantheros:probe: maybe\n")).rejects.toThrow(
      "Pulumi.production.yaml: pantheros:probe: ",
    );
  });

  test("a file that imports an environment is resolved by the CLI", async () => {
    const own = new Programs("cli");
    const leave = own.enter();
    own.program("pulumi", `echo '{"pantheros:environment": {"value": "homelab"}}'`);
    try {
      expect(await configured("environment: [shared]\n")).toMatchObject({ environment: "homelab" });
      expect(own.logged().join()).toContain("config --json --stack production");
    } finally {
      leave();
      own.remove();
    }
  });
});

describe("the outputs", () => {
  const checkpoint = (resources: readonly object[]) =>
    JSON.stringify({ version: 3, checkpoint: { latest: { resources } } });
  const stackResource = { type: "pulumi:pulumi:Stack", outputs };
  const write = (name: string, content: string | Buffer) => {
    const directory = path.join(root, ".pulumi/stacks/pantheros");
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, name), content);
  };
  const found = () => outputsInFile(root, "pantheros", "production");

  test("a state in files, plain or compressed", () => {
    const text = checkpoint([{ type: "other" }, stackResource]);
    write("production.json.gz", gzipSync(text));
    expect(found()).toEqual(outputs);
    write("production.json", text);
    expect(found()).toEqual(outputs);
  });

  test.each([
    ["another version", JSON.stringify({ version: 4, deployment: {} })],
    ["half a file", '{"version": 3'],
  ])("%s: the CLI answers", (_, text) => {
    write("production.json", text);
    expect(found()).toBeUndefined();
  });

  test("a stack without a run has none", () => {
    write("production.json", JSON.stringify({ version: 3, checkpoint: {} }));
    expect(found()).toEqual({});
  });

  test("only absolute file backends are read", () => {
    expect(backendDirectory("file:///a%20b?metadata=skip")).toBe("/a b");
    for (const url of [undefined, "s3://bucket", "file://~/state", "file://./state"]) {
      expect(backendDirectory(url)).toBeUndefined();
    }
  });

  test("any other backend is asked through the CLI, and the answer is checked", async () => {
    const own = new Programs("cli");
    const leave = own.enter();
    const backend = process.env["PULUMI_BACKEND_URL"];
    delete process.env["PULUMI_BACKEND_URL"];
    try {
      own.program("pulumi", `echo '${JSON.stringify(outputs)}'`);
      expect(await readOutputs(named("production"), root)).toEqual(outputs);
      expect(own.logged().join()).toContain("stack output --json --stack production");
      own.program("pulumi", "echo '{}'");
      expect(await readOutputs(named("production"), root)).toBeUndefined();
      own.program("pulumi", `echo '{"schemaVersion": 2}'`);
      await expect(readOutputs(named("production"), root)).rejects.toThrow("update the reader");
      own.program("pulumi", "echo no such stack >&2; exit 1");
      await expect(readOutputs(named("production"), root)).rejects.toThrow(
        "pulumi stack output: no such stack",
      );
    } finally {
      leave();
      own.remove();
      if (backend !== undefined) process.env["PULUMI_BACKEND_URL"] = backend;
    }
  });
});
