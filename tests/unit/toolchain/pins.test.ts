import { readFileSync } from "node:fs";

const read = (file: string) => readFileSync(file, "utf8");
const pin = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(read("tools/versions.sh"))?.[1];

test("the Pulumi CLI, its npm package and its Go module have one version", () => {
  const version = pin("PANTHEROS_PULUMI_VERSION");
  const manifest = JSON.parse(read("package.json")) as { dependencies: Record<string, string> };
  expect(manifest.dependencies["@pulumi/pulumi"]).toBe(version);
  expect(read("tools/cli/go.mod")).toContain(`github.com/pulumi/pulumi/pkg/v3 v${version}\n`);
  expect(read("tools/cli/go.mod")).toContain(`github.com/pulumi/pulumi/sdk/v3 v${version} `);
});

test("set-up and package.json require the same minimum of Node", () => {
  const manifest = JSON.parse(read("package.json")) as { engines: { node: string } };
  expect(`${manifest.engines.node}.0`).toBe(`>=${pin("PANTHEROS_NODE_MINIMUM")}`);
});

test("every Python package is pinned by hash", () => {
  for (const file of ["tools/python/requirements.txt", "tools/python/go.txt"]) {
    const entries = read(file).split(/\n(?=[a-z])/);
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) expect(entry).toMatch(/^[a-z0-9.-]+==\S+[\s\S]*--hash=sha256:[0-9a-f]{64}/);
  }
});

test("previews on pull requests use the same Pulumi", () => {
  const versions = [...read(".github/workflows/preview.yml").matchAll(/pulumi-version: (.*)/g)].map(
    ([, version]) => version,
  );
  expect(versions).toEqual([pin("PANTHEROS_PULUMI_VERSION")]);
});

test("no job that runs a pull request's code has the deploy key or deploy rights, and forks get no preview", () => {
  const preview = read(".github/workflows/preview.yml");
  expect(preview).toContain("PANTHEROS_PROBE: status");
  expect(preview.match(/^ {4}if: .*$/gm)).toEqual([
    "    if: github.event.pull_request.head.repo.full_name == github.repository",
  ]);
  expect(preview.match(/^ {2}[a-z]+:$/gm)).toEqual(["  branch:"]);
  for (const workflow of [preview, read(".github/workflows/ci.yml")]) {
    expect(workflow).not.toMatch(/pull_request_target|PANTHEROS_SIGNING_KEY|deploy-key/);
  }
});
