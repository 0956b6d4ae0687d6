import { evaluate } from "./nix.ts";

/** Packages of the languages that are on. */
const packages = (...on: readonly string[]) =>
  evaluate(`let
    all = ["c" "go" "javascript" "nix" "python" "rust" "shell"];
    on = builtins.fromJSON ${JSON.stringify(JSON.stringify(on))};
  in (import (nix + "/../tests/unit/nix/one-module.nix") {
    inherit nix;
    module = nix + "/modules/development/languages.nix";
    config.pantheros.development.languages = builtins.listToAttrs (map (name: {
      inherit name;
      value.enable = builtins.elem name on;
    }) all);
  }).pantheros.environment.packages`) as readonly string[];

/** What Helix starts for a language by default. Source: helix, languages.toml. */
const SERVERS = {
  c: "clang-tools",
  go: "gopls",
  javascript: "typescript-language-server",
  nix: "nil",
  python: "pyright",
  rust: "rust-analyzer",
  shell: "bash-language-server",
};

test.each(Object.entries(SERVERS))(
  "%s brings its compiler or interpreter, and the server %s",
  (language, server) => {
    const found = packages(language);
    expect(found).toContain(`/pkgs/${server}`);
    expect(found.length).toBeGreaterThan(1);
  },
);

test("a language that is off brings nothing, and no program comes twice", () => {
  expect(packages()).toEqual([]);
  const all = packages(...Object.keys(SERVERS));
  expect(new Set(all).size).toBe(all.length);
  expect(packages("go")).not.toContain("/pkgs/rustc");
});
