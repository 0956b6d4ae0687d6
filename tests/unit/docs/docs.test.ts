/** What the documents name exists: links, files, targets, configuration keys, variables; and their TypeScript type-checks. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "smol-toml";

const documents = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "tests/faults/README.md",
  "providers/README.md",
  ...readdirSync("sandbox").map((name) => `sandbox/${name}/README.md`),
  ...readdirSync("docs", { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`),
].filter((name) => name.endsWith(".md") && existsSync(name));
const textOf = (document: string) => readFileSync(document, "utf8");
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = ""]) => found);
const withoutBlocks = (text: string) => text.replace(/^ *```[\s\S]*?^ *```$/gm, "");

/** Files that a user or a running sandbox makes, or that exist only on other machines. */
const madeByUsers = new Set([
  "nix/known_hosts",
  "nix/hosts/NAME",
  "nix/hosts/NAME/default.nix",
  "production.env",
  "machine.json",
  "site.json",
  "vault.json",
  "sandbox/vendors/VENDOR/",
  "sandbox/plugins/VENDOR/",
  "providers/KIND/",
  "nix/lib/uplinks/KIND.nix",
]);
const topLevel = new Set(readdirSync("."));

/** Lines of the blocks that are commands, without comments; a continued line is one. */
function commandsIn(text: string): string[] {
  const blocks = matches(text, /^ *```(?:sh)?\n([\s\S]*?)^ *```$/gm);
  return blocks
    .flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
    .map((line) => line.replace(/\s+#\s.*$/, "").trim())
    .filter((line) => line !== "");
}

/** Words in backticks that are paths of the repository: by their first folder, or by their extension. */
function pathsIn(text: string): string[] {
  const words = matches(withoutBlocks(text), /`([^`\s]+)`/g).filter((word) =>
    /^\.?[A-Za-z][\w./-]*\w\/?$/.test(word),
  );
  return words.filter((word) => {
    const [first = "", ...rest] = word.split("/");
    return rest.length > 0
      ? topLevel.has(first)
      : /\w\.(ts|md|sh|nix|toml|yml|yaml|json|example)$/.test(word);
  });
}

/** Candidates: beside or below the document, in nix/, at the top, or (`buckets/` in a row about `components/`) below `components/`. */
const places = (document: string, name: string) => [
  name,
  path.join(path.dirname(document), name),
  ...(document.startsWith("sandbox/")
    ? [
        path.join("nix", name),
        path.join("nix/lib", name),
        ...readdirSync(path.dirname(document), { recursive: true, encoding: "utf8" })
          .filter((file) => path.basename(file) === name)
          .map((file) => path.join(path.dirname(document), file)),
      ]
    : []),
  ...(document === "providers/README.md"
    ? readdirSync("providers").map((kind) => path.join("providers", kind, name))
    : []),
  path.join("components", name),
  path.join("tests/failures", name),
];

/** File names that documents use without a folder. */
const spokenOf = new Set(["fleet.toml", "mapping.ts"]);

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

describe.each(documents)("%s", (document) => {
  const text = textOf(document);

  test("the targets of its relative links exist", () => {
    const links = [
      ...matches(text, /\]\(([^)\s]+)\)/g),
      ...matches(text, /^\[[^\]]+\]: (\S+)$/gm), // defined apart
    ].filter((link) => !/^[a-z]+:/.test(link));
    const broken = links.filter((link) => {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? document : path.join(path.dirname(document), file);
      if (!existsSync(target)) return true;
      if (anchor === undefined || !statSync(target).isFile()) return false;
      return !matches(textOf(target), /^#+ (.*)$/gm)
        .map(anchorOf)
        .includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test("the files it names exist", () => {
    const missing = pathsIn(text).filter(
      (name) =>
        !madeByUsers.has(name) &&
        !spokenOf.has(name) &&
        !places(document, name).some((place) => existsSync(place)),
    );
    expect(missing).toEqual([]);
  });

  test("the targets of make that it names are in the Makefile", () => {
    const targets = new Set(matches(textOf("Makefile"), /^([a-z][a-z-]*):/gm));
    const named = matches(text, /(?:`|^\s*|, )make ([a-z][a-z-]*)/gm);
    expect(named.filter((name) => !targets.has(name))).toEqual([]);
  });

  test("the configuration keys that it names are in Pulumi.yaml", () => {
    const keys = new Set(matches(textOf("Pulumi.yaml").split(/^config:$/m)[1] ?? "", /^ {2}(\w+):$/gm));
    // `pantheros:area:Type` is a resource type, not a key.
    const named = matches(text, /pantheros:([A-Za-z]\w*)\b(?!:)/g);
    expect(named.filter((name) => !keys.has(name))).toEqual([]);
  });

  test("the variables that it names are in the code", () => {
    const named = new Set(matches(text, /\b(PANTHEROS_[A-Z_]+)\b/g));
    expect([...named].filter((name) => !code().includes(name))).toEqual([]);
  });

  test("the programs of its commands exist", () => {
    const lines = commandsIn(text).join("\n");
    const programs = matches(lines, /(?:^|\s)((?:tools|sandbox|tests|bench|inventory|outputs)\/[\w./-]+)/gm);
    expect(programs.filter((program) => !existsSync(program))).toEqual([]);
  });

  test("its commands run as they are written: programs of set-up through a wrapper, the sandbox's addresses in its network", () => {
    const lines = commandsIn(text);
    const bare = lines.filter((line) =>
      /^(?:\w+=\S+ )*(?:run )?(?:node|npx|npm|pulumi|jest|biome|tsc) /.test(line),
    );
    const outside = lines.filter((line) => /^(?:curl|dig|ping|ssh) .*\b198\.51\.100\./.test(line));
    const inline = matches(
      withoutBlocks(text),
      /`((?:\w+=\S+ )?(?:node |npx |pulumi login|pulumi (?:config|stack|import|cancel) )[^`]*)`/g,
    );
    expect([bare, outside, inline]).toEqual([[], [], []]);
    if (/(?:^|`)run tools\//m.test(text))
      expect(lines).toContainEqual(expect.stringMatching(/^run\(\) \{ .* \}$/));
  });

  test("the commands of the sandbox, hosts and rows of tests that it names exist", () => {
    const everywhere = [
      ...commandsIn(text),
      ...matches(withoutBlocks(text), /`(tools\/(?:pantheros )?sandbox [^`]+)`/g),
    ];
    const cli = new Set(matches(textOf("cli/commands/sandbox.ts"), /\.command\("([a-z]+)/g));
    const called = everywhere.flatMap((line) => matches(line, /\btools\/(?:pantheros )?sandbox ([a-z]+)/g));
    expect(called.filter((name) => !cli.has(name))).toEqual([]);
    const hosts = new Set(
      ["nix/fleet.toml", "sandbox/nix/fleet.toml"].flatMap((fleet) =>
        Object.keys(parse(textOf(fleet))["hosts"] ?? {}),
      ),
    );
    const rolledBack = everywhere.flatMap((line) =>
      matches(line, /(?:pulumi|pantheros) rollback (?:--release )?([a-z][\w-]*)/g),
    );
    expect(rolledBack.filter((name) => !hosts.has(name))).toEqual([]);
    const titles = readdirSync("tests/failures")
      .map((name) => textOf(`tests/failures/${name}`))
      .join("\n");
    const rows = everywhere
      .flatMap((line) => matches(line, /PANTHEROS_ROWS='([^']+)'/g))
      .flatMap((names) => names.split("|"));
    expect(rows.filter((row) => !titles.includes(row))).toEqual([]);
  });
});

let sources: string | undefined;
/** The text of everything that reads variables. */
function code(): string {
  const read = (entry: string): string[] => {
    if (statSync(entry).isFile()) return /\.(md|test\.ts)$/.test(entry) ? [] : [readFileSync(entry, "utf8")];
    return readdirSync(entry).flatMap((name) =>
      name === "node_modules" ? [] : read(path.join(entry, name)),
    );
  };
  sources ??= [
    "tools",
    "cli",
    "settings",
    "sandbox/cli",
    "sandbox/machines",
    "components",
    "deployer",
    "clients",
    "runs",
    "nix/modules",
    "tests/failures",
    "tests/faults",
    "Makefile",
  ]
    .flatMap(read)
    .join("\n");
  return sources;
}

test("the TypeScript in docs/outputs.md type-checks", () => {
  const examples = matches(textOf("docs/outputs.md"), /^```ts\n([\s\S]*?)^```$/gm);
  expect(examples.length).toBeGreaterThan(0);
  // Inside the repository: the example's imports and the compiler's settings are relative to it.
  const directory = mkdtempSync("tests/example-");
  try {
    examples.forEach((example, at) => {
      writeFileSync(
        path.join(directory, `${at}.ts`),
        example.replaceAll('"@pantheros/outputs"', '"../../outputs/index.ts"'),
      );
    });
    writeFileSync(
      path.join(directory, "tsconfig.json"),
      JSON.stringify({ extends: "../../tsconfig.json", include: ["*.ts"] }),
    );
    const tsc = spawnSync(
      process.execPath,
      ["node_modules/typescript/bin/tsc", "--noEmit", "--project", directory],
      { encoding: "utf8" },
    );
    expect(tsc.stdout).toBe("");
    expect(tsc.status).toBe(0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 120_000);

test("every variable of tools/production.env.example is explained in docs/real-account.md, and no value is a secret", () => {
  const lines = textOf("tools/production.env.example")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const values = parse(lines.join("\n")) as Record<string, string>;
  const explained = textOf("docs/real-account.md");
  expect(Object.keys(values).filter((name) => !explained.includes(name))).toEqual([]);
  const secret = /TOKEN|SECRET|PASSPHRASE|KEY_ID|CLIENT_ID/;
  const plain = Object.entries(values).filter(
    ([name, value]) => secret.test(name) && !value.startsWith("op://"),
  );
  expect(plain).toEqual([]);
});

test("CHANGELOG.md states the versions of the contracts that the code has", () => {
  const stated = Object.fromEntries(
    [...textOf("CHANGELOG.md").matchAll(/^\| [^|]*`(schemaVersion|version|schema)`[^|]*\| (\d+) +\|/gm)].map(
      ([, contract = "", version = ""]) => [contract, Number(version)],
    ),
  );
  const numberIn = (file: string, pattern: RegExp) => Number(pattern.exec(textOf(file))?.[1]);
  expect(stated).toEqual({
    schemaVersion: numberIn("outputs/contract.ts", /^export const \w+ = (\d+);/m),
    version: numberIn("nix/modules/deployment/supervisor/status.sh", /"version":(\d+)/),
    schema: numberIn("inventory/schema.ts", /schema: z\.literal\((\d+)\)/),
  });
});

test("every decision has its context, decision and consequences, and a row in the list", () => {
  const files = readdirSync("docs/decisions").filter((name) => /^\d{4}-/.test(name));
  expect(files.length).toBeGreaterThan(5);
  expect(matches(textOf("docs/decisions/README.md"), /^\| \[\d{4}\]\((\S+)\)/gm)).toEqual(files.toSorted());
  for (const file of files) {
    const headings = matches(textOf(`docs/decisions/${file}`), /^## (.*)$/gm);
    expect([file, headings]).toEqual([file, ["Context", "Decision", "Consequences"]]);
  }
});
