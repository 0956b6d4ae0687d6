import { spawnSync } from "node:child_process";
import { join } from "node:path";

const postponed = JSON.stringify(join(process.cwd(), "components/lazy-sdk.ts"));

/** The output of a program in its own process, since the test runner has loaded these modules. */
function printed(program: string): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

const sdk = 'const pulumi = await import("@pulumi/pulumi");';
const heavy = `
  import { createRequire } from "node:module";
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  console.log(["/typescript/lib/", "/pacote/"].filter((name) => loaded.some((file) => file.includes(name))).join(" "));
`;

test("the SDK alone loads the compiler and npm's tree", () => {
  expect(printed(`${sdk} ${heavy}`)).toBe("/typescript/lib/ /pacote/");
});

test("with lazy-sdk neither is loaded before its first use", () => {
  expect(printed(`await import(${postponed}); ${sdk} ${heavy}`)).toBe("");
});

test("serializing a function loads the compiler, and computing its packages loads npm's tree", () => {
  const text = printed(`
    await import(${postponed});
    ${sdk}
    const { text } = await pulumi.runtime.serializeFunction(() => 41 + 1);
    const paths = await pulumi.runtime.computeCodePaths();
    console.log(text.includes("41 + 1"), paths.size > 0);
  `);
  expect(text).toBe("true true");
});
