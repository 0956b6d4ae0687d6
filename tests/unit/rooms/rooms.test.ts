/** The checks of `make check` on rooms, cycles and exports fail on what they are for: each is planted once in a small tree. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Files that obey every rule; an import uses each export. */
const SOUND = {
  "index.ts": 'import "./components/host.ts";\n',
  "components/host.ts":
    'import "@pulumi/pulumi";\nimport { deploy } from "../deployer/deploy.ts";\n\ndeploy();\n',
  "deployer/deploy.ts":
    'import type { Host } from "./host.ts";\n\nexport function deploy(host?: Host): void {\n  void host;\n}\n',
  "deployer/host.ts": "export interface Host {\n  readonly name: string;\n}\n",
  "sandbox/up.ts": 'import { deploy } from "../deployer/deploy.ts";\n\ndeploy();\n',
  "centre/app.ts": "export {};\n",
};
const ROOMS = ["components", "deployer", "sandbox", "centre"];

let tree: string;
beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), "pantheros-rooms-"));
  for (const file of [".dependency-cruiser.json", "tsconfig.json"]) copyFileSync(file, join(tree, file));
  symlinkSync(join(process.cwd(), "node_modules"), join(tree, "node_modules"));
});
afterAll(() => rmSync(tree, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const room of ROOMS) rmSync(join(tree, room), { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), text);
  }
}

function node(program: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join("node_modules", program), ...words], {
    cwd: tree,
    encoding: "utf8",
  });
  return { status, output: stdout + stderr };
}

const cruise = () =>
  node(
    "dependency-cruiser/bin/dependency-cruiser.mjs",
    ...["--config", ".dependency-cruiser.json", "--output-type", "err"],
    ...["index.ts", ...ROOMS],
  );

const unused = () => node("knip/bin/knip.js", "--no-progress");

/** As in knip.json, for the few files of this tree. */
const KNIP = JSON.stringify({
  entry: ["index.ts", "sandbox/up.ts"],
  project: ["**/*.ts"],
  include: ["exports", "types"],
});

test("a sound tree passes", () => {
  write({ ...SOUND, "knip.json": KNIP, "package.json": '{"name":"rooms","type":"module"}' });
  expect(cruise()).toMatchObject({ status: 0 });
  expect(unused()).toEqual({ status: 0, output: "" });
});

test.each([
  [
    "a Pulumi import in deployer/",
    { "deployer/deploy.ts": `import "@pulumi/pulumi";\n${SOUND["deployer/deploy.ts"]}` },
    /error deployer-without-pulumi: deployer\/deploy\.ts → .*@pulumi\/pulumi/,
  ],
  [
    "a type of Pulumi's in deployer/",
    {
      "deployer/host.ts":
        'import type { Output } from "@pulumi/pulumi";\n\nexport type Host = Output<string>;\n',
    },
    /error deployer-without-pulumi: deployer\/host\.ts → .*@pulumi\/pulumi/,
  ],
  [
    "an import against the direction of the rooms",
    {
      "deployer/host.ts": 'import "../components/other.ts";\n\nexport type Host = string;\n',
      "components/other.ts": "export {};\n",
    },
    /error deployer-below-components: deployer\/host\.ts → components\/other\.ts/,
  ],
  [
    "an import of what reaches machines in the control centre",
    { "centre/app.ts": 'import "../deployer/deploy.ts";\n' },
    /error centre-shows-only: centre\/app\.ts → deployer\/deploy\.ts/,
  ],
  [
    "an import of the sandbox in the program",
    { "components/host.ts": `${SOUND["components/host.ts"]}import "../sandbox/up.ts";\n` },
    /error program-without-sandbox: components\/host\.ts → sandbox\/up\.ts/,
  ],
  [
    "an import of the program in an emulator",
    { "sandbox/vendors/app.ts": 'import "../../deployer/deploy.ts";\n' },
    /error emulators-alone: sandbox\/vendors\/app\.ts → deployer\/deploy\.ts/,
  ],
  [
    "an import of an emulator in a plugin",
    {
      "sandbox/plugins/client.ts": 'import "../vendors/app.ts";\n',
      "sandbox/vendors/app.ts": "export {};\n",
    },
    /error plugins-alone: sandbox\/plugins\/client\.ts → sandbox\/vendors\/app\.ts/,
  ],
  [
    "a cycle",
    {
      "deployer/host.ts": `import { deploy } from "./deploy.ts";\n\nexport type Host = typeof deploy;\ndeploy();\n`,
    },
    /error no-cycles: deployer\/(host|deploy)\.ts/,
  ],
  [
    "a cycle of types only",
    {
      "deployer/host.ts": `import type { deploy } from "./deploy.ts";\n\nexport type Host = typeof deploy;\n`,
    },
    /error no-cycles: deployer\/(host|deploy)\.ts/,
  ],
])("%s fails", (_, planted, message) => {
  write({ ...SOUND, ...planted });
  const { status, output } = cruise();
  expect(output).toMatch(message);
  expect(status).not.toBe(0);
});

test("an unused export fails", () => {
  write({ ...SOUND, "deployer/host.ts": `${SOUND["deployer/host.ts"]}\nexport const UNUSED = 1;\n` });
  const { status, output } = unused();
  expect(output).toMatch(/UNUSED\s+deployer\/host\.ts/);
  expect(status).not.toBe(0);
});

test("make check runs both on the whole tree", () => {
  const script = readFileSync("tools/check", "utf8");
  expect(script).toMatch(/^step rooms node .*dependency-cruiser\.mjs --config \.dependency-cruiser\.json /m);
  expect(script).toMatch(/^step unused node .*knip\.js /m);
});
