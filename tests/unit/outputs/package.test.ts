/** The package that other teams install: its files, and projects that use it without this repository. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { packageFiles } from "../../../outputs/package-files.ts";
import { installPackage, makeConsumer, runIn } from "./consumer.ts";

const json = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
const tsc = (project: string) => runIn(project, process.execPath, resolve("node_modules/typescript/bin/tsc"));

let project: string;
let files: string[];
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "pantheros-package-"));
  files = installPackage(project);
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

test("the compiled files in the repository are those of the sources (make docs)", () => {
  const compiled = packageFiles();
  for (const [file, text] of compiled) expect([file, readFileSync(file, "utf8")]).toEqual([file, text]);
});

test("licence and version are the repository's", () => {
  expect(readFileSync("outputs/LICENSE", "utf8")).toBe(readFileSync("LICENSE", "utf8"));
  const { version, license } = json("package.json");
  expect(json("outputs/package.json")).toMatchObject({ version, license });
});

test("npm pack: compiled files, types, schema, README and licence, and nothing that needs the repository", () => {
  const modules = ["contract", "index", "parse", "reader"].flatMap((name) => [
    `dist/${name}.d.ts`,
    `dist/${name}.js`,
  ]);
  expect(files).toEqual(
    ["LICENSE", "README.md", ...modules, "dist/package.json", "package.json", "schema.v1.json"].sort(),
  );
  const { scripts, dependencies } = json("outputs/package.json");
  expect(scripts).toBeUndefined();
  expect(Object.keys(dependencies as object)).toEqual(["zod"]);
});

const OUTPUTS = {
  schemaVersion: 1,
  hosts: {},
  services: {},
  dns: { zone: "example.test", records: [] },
  buckets: {},
  cache: {},
};

test.each([
  ["import", "use.mjs", 'import { parseOutputs } from "@pantheros/outputs/parse";'],
  ["require", "use.cjs", 'const { parseOutputs } = require("@pantheros/outputs/parse");'],
])("%s: node reads outputs, without Pulumi's SDK and this repository's node_modules", (_, file, line) => {
  const use = `${line}\nconsole.log(parseOutputs("s", JSON.parse(process.argv[2])).dns.zone);\n`;
  writeFileSync(join(project, file), use);
  const read = (outputs: unknown) => runIn(project, process.execPath, file, JSON.stringify(outputs));
  expect(read({ ...OUTPUTS, later: { field: 1 } })).toMatchObject({ status: 0, stdout: "example.test\n" });
  const refused = read({ ...OUTPUTS, dns: {} });
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("stack s: dns.records")]);
});

test.each([
  ["nodenext", { module: "nodenext" }],
  ["commonjs, as in Pulumi's templates", { module: "commonjs", moduleResolution: "node" }],
  ["a bundler", { module: "esnext", moduleResolution: "bundler" }],
])("types: tsc with %s", (_, options) => {
  const compilerOptions = { strict: true, noEmit: true, target: "es2022", types: [], ...options };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
  const compile = (...reads: readonly string[]) => {
    const lines = [
      'import { type HostOutputs, type StackOutputs } from "@pantheros/outputs/contract";',
      'import { parseOutputs } from "@pantheros/outputs/parse";',
      'const outputs: StackOutputs = parseOutputs("s", {});',
      'const host: HostOutputs | undefined = outputs.hosts["web"];',
      ...reads.map((read, at) => `export const value${at}: string | undefined = host?.${read};`),
    ];
    writeFileSync(join(project, "use.ts"), `${lines.join("\n")}\n`);
    return tsc(project);
  };
  expect(compile("addresses.ipv4", "wanted")).toEqual({ status: 0, stdout: "", stderr: "" });
  const wrong = compile("generation", "nothing")
    .stdout.split("\n")
    .filter((line) => line.startsWith("use.ts"));
  expect(wrong).toEqual([
    expect.stringContaining("Type 'number | undefined' is not assignable"),
    expect.stringContaining("Property 'nothing' does not exist"),
  ]);
});

test("the example of a consumer compiles, with the versions of this repository", () => {
  const consumer = join(project, "consumer");
  makeConsumer(consumer);
  expect(tsc(consumer)).toEqual({ status: 0, stdout: "", stderr: "" });
  const ours = {
    ...(json("package.json")["dependencies"] as object),
    ...(json("package.json")["devDependencies"] as object),
  };
  const { dependencies, devDependencies } = json("examples/consumer/package.json");
  const { "@pantheros/outputs": from, ...theirs } = {
    ...(dependencies as object),
    ...(devDependencies as object),
  } as Record<string, string>;
  expect(from).toBe("file:../../outputs");
  expect(ours).toMatchObject(theirs);
});
