import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { evaluate } from "./nix.ts";

interface Job {
  readonly image?: string;
  readonly script: readonly string[];
  readonly rules: readonly { readonly if: string; readonly changes?: readonly string[] }[];
}
const gitlab = parse(readFileSync(".gitlab-ci.yml", "utf8")) as Record<string, Job>;

test("the builder's image has Nix with flakes, Git and certificates, and recognizes its own paths", () => {
  const names = ["attic-client", "gitMinimal", "nix", "cacert", "openssh", "nodejs_24"];
  const image = evaluate(`let
    pkgs = builtins.listToAttrs (map (name: { inherit name; value = name; }) [
      "attic-client" "bashInteractive" "cacert" "coreutils" "gitMinimal" "gnugrep" "gnumake" "gnused" "gnutar" "gzip" "nix" "nodejs_24" "openssh" "skopeo" "xz"
    ]) // { dockerTools = { buildLayeredImage = given: given; binSh = "sh"; usrBinEnv = "env"; fakeNss = "nss"; }; };
  in import (nix + "/images/builder.nix") { inherit pkgs; }`) as {
    contents: string[];
    tag: null;
    includeNixDB: boolean;
    config: { Env: string[] };
  };
  expect(image.contents).toEqual(expect.arrayContaining(names));
  expect([image.tag, image.includeNixDB]).toEqual([null, true]);
  const settings = image.config.Env.find((line) => line.startsWith("NIX_CONFIG="));
  expect(settings).toContain("experimental-features = nix-command flakes");
  // A container may not start Nix's sandbox, and has no build users.
  expect(settings).toMatch(/^sandbox = false$/m);
});

test("a pipeline makes the image from main alone, with the password on standard input, and builds in it", () => {
  const job = gitlab["builder image"];
  for (const rule of job?.rules ?? []) expect(rule.if).toContain("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH");
  const text = job?.script.join("\n") ?? "";
  expect(text).toContain("packages.x86_64-linux.builder-image");
  expect(text).toContain("--password-stdin");
  expect(text.match(/CI_REGISTRY_PASSWORD/g)).toHaveLength(1);
  expect(gitlab["hosts"]?.image).toBe("$CI_REGISTRY_IMAGE/builder:latest");
  expect(text).toContain('"docker://$CI_REGISTRY_IMAGE/builder:latest"');
  const flake = readFileSync("nix/flake.nix", "utf8");
  for (const output of ["builder-image", "hosts"]) expect(flake).toMatch(new RegExp(`^ +${output} = `, "m"));
});
