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

test("previews and deploys in workflows use the same Pulumi", () => {
  const files = ["workflows/preview.yml", "workflows/drift.yml", "actions/up/action.yml"];
  const versions = files.map((file) => /pulumi-version: (.*)/.exec(read(`.github/${file}`))?.[1]);
  expect(versions).toEqual(files.map(() => pin("PANTHEROS_PULUMI_VERSION")));
});
