import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { entriesOf, parseKnownHosts } from "../../inventory/known-hosts.ts";
import { ECDSA, ED25519, ED25519_OTHER, RSA } from "../unit/ssh-keys.ts";

const directory = mkdtempSync(join(tmpdir(), "known-hosts-"));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, "known_hosts");

/** Lines of `name` by their number and marker, as ssh-keygen finds and parses them. */
function byOpenssh(name: string): string[] {
  const { stdout } = spawnSync("ssh-keygen", ["-l", "-F", name, "-f", path], { encoding: "utf8" });
  return [...stdout.matchAll(/^# Host .* found: line (\d+) ?(\w*)$/gm)].map(
    ([, line, mark]) => `${line} ${mark}`,
  );
}

const MARKS = { revoked: "REVOKED", authority: "CA" } as const;

const byUs = (text: string, name: string): string[] =>
  entriesOf(parseKnownHosts(text, path), name).map(
    ({ line, marker }) => `${line} ${marker === undefined ? "" : MARKS[marker]}`,
  );

/** Names that occur in the files; lower case, as both programs look names up. */
const NAMES = ["web", "db.example.test", "10.0.0.5", "[10.0.0.5]:2222", "2001:db8::5", "[web]:22", "w"];

/** Each name as `ssh-keygen -H` writes it. */
function hashed(): string[] {
  writeFileSync(path, NAMES.map((name) => `${name} ${ED25519}\n`).join(""));
  execFileSync("ssh-keygen", ["-q", "-H", "-f", path], { stdio: "ignore" });
  const text = execFileSync("cat", [path], { encoding: "utf8" });
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "");
}

const names = fc.constantFrom(...NAMES, "WEB", "other");
const pattern = fc.oneof(
  names,
  fc.constantFrom(
    "*",
    "w*",
    "?eb",
    "*.example.test",
    "10.0.?.*",
    "[*]:2222",
    "[10.0.0.5]:*",
    "",
    "**",
    "w**b",
  ),
);
const listed = fc.tuple(fc.constantFrom("", "", "!"), pattern).map((parts) => parts.join(""));
const key = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(ED25519, ED25519_OTHER, RSA, ECDSA) },
  fc.constantFrom(
    "",
    "ssh-ed25519",
    `ssh-rsa ${ED25519.split(" ")[1]}`,
    ED25519.slice(0, -4),
    `${ED25519.slice(0, -9)}!`,
    "ssh-rsa AAAA",
    "1024 35 1234",
  ),
);
const line = (hashes: readonly string[]) =>
  fc
    .record({
      before: fc.constantFrom("", "", " ", "\t"),
      marker: fc.constantFrom(
        "",
        "",
        "",
        "@revoked ",
        "@cert-authority\t",
        "@other ",
        "@revoked @cert-authority ",
      ),
      hosts: fc.oneof(
        fc.array(listed, { minLength: 1, maxLength: 4 }).map((all) => all.join(",")),
        fc.constantFrom(...hashes),
      ),
      gap: fc.constantFrom(" ", "\t", "  "),
      publicKey: key,
      comment: fc.constantFrom("", " a comment", "\tweb"),
      end: fc.constantFrom("\n", "\n", "\r\n"),
    })
    .map(({ before, marker, hosts, gap, publicKey, comment, end }) =>
      [before, marker, hosts, gap, publicKey, comment, end].join(""),
    );

test("finds the lines that ssh-keygen -F finds, with their markers", () => {
  const lines = fc.oneof(
    { weight: 8, arbitrary: line(hashed()) },
    fc.constantFrom("\n", "# web ssh-ed25519\n", " # comment\n", "\r\n", "web\n"),
  );
  fc.assert(
    fc.property(fc.array(lines, { minLength: 1, maxLength: 8 }), fc.constantFrom(...NAMES), (all, name) => {
      const text = all.join("");
      writeFileSync(path, text);
      expect(byUs(text, name)).toEqual(byOpenssh(name));
    }),
    { numRuns: 300 },
  );
});
