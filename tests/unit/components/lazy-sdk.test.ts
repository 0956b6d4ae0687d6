import { spawnSync } from "node:child_process";
import { join } from "node:path";

const postponed = JSON.stringify(join(process.cwd(), "components/lazy-sdk.ts"));

/** What a program of its own prints; modules that a test runner has loaded would be in the way. */
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

test("the SDK would load both", () => {
  expect(printed(`${sdk} ${heavy}`)).toBe("/typescript/lib/ /pacote/");
});

test("neither is loaded before somebody uses it", () => {
  expect(printed(`await import(${postponed}); ${sdk} ${heavy}`)).toBe("");
});

test("who serializes a function has the compiler, and who asks for a function's packages has npm's tree", () => {
  const text = printed(`
    await import(${postponed});
    ${sdk}
    const { text } = await pulumi.runtime.serializeFunction(() => 41 + 1);
    const paths = await pulumi.runtime.computeCodePaths();
    console.log(text.includes("41 + 1"), paths.size > 0);
  `);
  expect(text).toBe("true true");
});
