import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { Verdict } from "../../../components/nixos-host/verdict.ts";
import { outputsAnswered } from "../../../components/outputs-answered.ts";
import type { DeployResult } from "../../../deployer/protocol/result.ts";
import { until } from "../programs.ts";

const stackType = "pulumi:pulumi:Stack";
const failed: DeployResult = { schemaVersion: 1, host: "web", outcome: "failed", token: "t", seconds: {} };
const failedHost = { result: pulumi.output(failed), converge: "must" } as const;

type Answer = (error: unknown, response: unknown) => void;
interface Outputs {
  getUrn(): string;
}
interface Monitor {
  registerResourceOutputs(request: Outputs, answer: Answer): void;
}

class Part extends pulumi.ComponentResource {
  constructor(name: string) {
    super("test:index:Part", name);
    this.registerOutputs({ name });
  }
}

/** Many turns of the event loop, timers included: time enough for a wrong registration. */
const turns = () => new Promise((resume) => setTimeout(resume, 300));

test.each([false, true])(
  "the verdict is registered after the answer to the stack's outputs, not to other outputs (preview: %s)",
  async (preview) => {
    const registered: string[] = [];
    await pulumi.runtime.setMocks(
      {
        newResource: ({ type, name, inputs }) => {
          registered.push(`${type} ${name}`);
          return { id: `${name}-id`, state: inputs };
        },
        call: () => ({}),
      },
      "pantheros",
      "test",
      preview,
      "organization",
    );
    // An engine whose answers the test releases.
    const requests: { urn: string; answer: () => void }[] = [];
    const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
    monitor.registerResourceOutputs = (request, answer) => {
      requests.push({ urn: request.getUrn(), answer: () => answer(null, {}) });
    };
    const ofStack = (urn: string) => urn.split("::")[2] === stackType;
    const isRegistered = () => registered.includes("command:local:Command verdict");

    await pulumi.runtime.runInPulumiStack(async () => {
      new Part("before");
      new Verdict("verdict", { hosts: [failedHost] });
      new Part("after");
      return { hosts: failedHost.result };
    });
    await until(() => requests.some(({ urn }) => ofStack(urn)) && requests.length >= 3);
    for (const { answer } of requests.filter(({ urn }) => !ofStack(urn)).reverse()) answer();
    await turns();
    expect(isRegistered()).toBe(false);

    for (const { answer } of requests.filter(({ urn }) => ofStack(urn))) answer();
    await until(isRegistered);
  },
);

test("an SDK with a different structure is an error that names it", () => {
  const monitor = jest.spyOn(pulumi.runtime, "getMonitor").mockReturnValue({} as never);
  const stack = jest.spyOn(pulumi.runtime, "getStackResource").mockReturnValue({} as never);
  expect(() => outputsAnswered()).toThrow(/cannot wait for the stack.s outputs/);
  for (const spy of [monitor, stack]) spy.mockRestore();
});

describe("with the engine itself", () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "pantheros-outputs-"));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  const root = path.join(__dirname, "..", "..", "..");

  function run(...argv: string[]) {
    return spawnSync("pulumi", [...argv, "--non-interactive", "--color", "never"], {
      cwd: directory,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: `${root}/sandbox/plugins/bin:${process.env["PATH"]}`,
        PULUMI_BACKEND_URL: `file://${directory}/state`,
        PULUMI_CONFIG_PASSPHRASE: "of a test",
      },
    });
  }

  test("a verdict that fails leaves the outputs of this run, however long they took to be serialized", () => {
    const file = (name: string, text: string) => fs.writeFileSync(path.join(directory, name), text);
    fs.symlinkSync(path.join(root, "node_modules"), path.join(directory, "node_modules"));
    fs.mkdirSync(path.join(directory, "state"));
    file("package.json", '{ "name": "published", "type": "module" }\n');
    file(
      "Pulumi.yaml",
      "name: published\nmain: index.ts\nruntime: { name: nodejs, options: { typescript: false } }\n",
    );
    // Sixty hosts, and one output that is known much later than the verdict.
    file(
      "index.ts",
      `import * as pulumi from "@pulumi/pulumi";
import type { DeployResult } from "../../../deployer/protocol/result.ts";
import { Verdict } from "${root}/components/nixos-host/verdict.ts";
const names = Array.from({ length: 60 }, (_, at) => "host" + at);
const results = names.map((host) => pulumi.output({ schemaVersion: 1, host, outcome: "failed", reason: "away", token: "t", seconds: {} }));
new Verdict("verdict", { hosts: results.map((result) => ({ result, converge: "must" })) });
export const hosts = pulumi.all(results).apply((all) => Object.fromEntries(all.map((each) => [each.host, each])));
export const late = new Promise((resume) => setTimeout(() => resume("published"), 1500));
`,
    );
    expect(run("stack", "init", "dev")).toMatchObject({ status: 0 });
    const up = run("up", "--yes", "--skip-preview");
    expect(up.stdout + up.stderr).toContain("60 of 60 hosts not converged");
    expect(up.status).not.toBe(0);
    const outputs = JSON.parse(run("stack", "output", "--json").stdout) as Record<string, object>;
    expect(outputs["late"]).toBe("published");
    expect(Object.keys(outputs["hosts"] ?? {})).toHaveLength(60);
  });
});
