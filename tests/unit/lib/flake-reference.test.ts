import { spawnSync } from "node:child_process";
import { encodeReference, pathReference } from "../../../lib/flake-reference.ts";

test.each([
  ["path:./nix", "path:./nix"],
  ["path:/a (b)/c", "path:/a%20%28b%29/c"],
  ["path:/a%20b?dir=x#y", "path:/a%20b?dir=x#y"],
  ["path:/Größe", "path:/Gr%C3%B6%C3%9Fe"],
  ["github:owner/repo", "github:owner/repo"],
])("the reference %s", (given, encoded) => expect(encodeReference(given)).toBe(encoded));

test("a directory whose name has what a reference uses", () => {
  expect(pathReference("/a b/100%?#x")).toBe("path:/a%20b/100%25%3F%23x");
});

test("the sandbox's override has no blank, which separates overrides", () => {
  const script = '. "$0"; pantheros_encoded_path "$1"';
  const directory = "/a (b) c/100%?#[x]";
  const { stdout } = spawnSync(
    "sh",
    ["-euc", script, `${process.cwd()}/tools/pulumi-sandbox.sh`, directory],
    {
      encoding: "utf8",
    },
  );
  expect(stdout).not.toMatch(/[\s()?#[\]]/);
  expect(decodeURIComponent(stdout)).toBe(directory);
});
