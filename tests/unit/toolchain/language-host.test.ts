import {
  nodeArguments,
  type ProgramRun,
  programEnvironment,
  readOptions,
  runResult,
  splitWords,
} from "../../../sandbox/plugins/language-nodejs/program.ts";

const run: ProgramRun = {
  monitor: "127.0.0.1:1",
  engine: "127.0.0.1:2",
  project: "pantheros",
  stack: "dev",
  organization: "organization",
  pwd: "/p",
  rootDirectory: "/p",
  parallel: 16,
  dryRun: false,
  entryPoint: "index.ts",
  args: [],
  config: { "pantheros:token": "hidden" },
  secretKeys: ["pantheros:token"],
  options: { typescript: false, nodeargs: ["--max-old-space-size=512"] },
};

test("node's options come before the runner, the program and its arguments last", () => {
  const args = nodeArguments({ ...run, args: ["--flag"] }, "/sdk/run", "/watch.ts");
  expect(args.slice(0, 3)).toEqual(["--max-old-space-size=512", "--import=/watch.ts", "/sdk/run"]);
  expect(args.slice(-2)).toEqual(["index.ts", "--flag"]);
  expect(args).not.toContain("--dry-run");
  expect(args.join(" ")).toContain("--monitor 127.0.0.1:1 --engine 127.0.0.1:2");
});

test("a preview is a dry run; empty values are left out", () => {
  const args = nodeArguments({ ...run, dryRun: true, organization: "" }, "/sdk/run", "/watch.ts");
  expect(args).toContain("--dry-run");
  expect(args).not.toContain("--organization");
});

test("configuration is passed in the environment, never on the command line", () => {
  expect(nodeArguments(run, "/sdk/run", "/watch.ts").join(" ")).not.toContain("hidden");
  const env = programEnvironment(run, { HOME: "/h" });
  expect(JSON.parse(env["PULUMI_CONFIG"] ?? "")).toEqual(run.config);
  expect(JSON.parse(env["PULUMI_CONFIG_SECRET_KEYS"] ?? "")).toEqual(["pantheros:token"]);
  expect(env).toMatchObject({ HOME: "/h" });
  expect(env).not.toHaveProperty("PULUMI_NODEJS_TYPESCRIPT");
});

test("the compiler is used unless the project turns it off, as with the official host", () => {
  expect(readOptions({})).toEqual({ typescript: true, nodeargs: [] });
  const env = programEnvironment({ ...run, options: readOptions({ tsconfig: "t.json" }) }, {});
  expect(env).toMatchObject({ PULUMI_NODEJS_TYPESCRIPT: "true", PULUMI_NODEJS_TSCONFIG_PATH: "t.json" });
});

test.each([
  [{ typescript: "no" }, "typescript"],
  [{ nodeargs: 3 }, "nodeargs"],
  [{ tsconfig: true }, "tsconfig"],
])("the error names an invalid option: %j", (options, name) => {
  expect(() => readOptions(options)).toThrow(name);
});

test.each([
  ["", []],
  ["  --a  --b=c ", ["--a", "--b=c"]],
  [`--a="x y" 'it'"'"s' b\\ c`, ["--a=x y", "it's", "b c"]],
  [`"say \\"hi\\""`, ['say "hi"']],
])("words of %s", (line, words) => expect(splitWords(line)).toEqual(words));

test("the result of each exit code", () => {
  expect(runResult({ code: 0 })).toEqual({ error: "", bail: false });
  expect(runResult({ code: 32 })).toEqual({ error: "", bail: true });
  expect(runResult({ code: 3 }).error).toContain("3");
  expect(runResult({ signal: "SIGKILL" }).error).toContain("SIGKILL");
});
