import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// The command on the repository's own fleet, as a user runs it.

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-policy-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(fleet: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["cli/main.ts", "policy", "--stack", "production", ...words],
    { encoding: "utf8", env: { ...process.env, PANTHEROS_FLEET: fleet } },
  );
  return { status, stdout, stderr };
}

/** The repository's fleet, changed. */
function changed(before: string, after: string): string {
  const text = readFileSync("nix/fleet.toml", "utf8");
  expect(text).toContain(before);
  const file = join(directory, "fleet.toml");
  writeFileSync(file, text.replace(before, after));
  return file;
}

test("a fleet without findings: one line, and exit code 0", () => {
  expect(run("nix/fleet.toml")).toEqual({
    status: 0,
    stdout: "production: 10 rules checked: 0 mandatory, 0 advisory, 0 excepted\n",
    stderr: "",
  });
});

test("a mandatory finding: file, key, rule and remedy, and exit code 1; also as JSON", () => {
  const fleet = changed("protect = true", "protect = false");
  const { status, stdout } = run(fleet);
  expect(status).toBe(1);
  expect(stdout).toMatch(
    /^mandatory: \S+fleet\.toml: environments\.production\.protect: .*server hetzner-vps.* \(policy protected-data\): set protect = true/,
  );
  expect(stdout).toMatch(/\nproduction: 10 rules checked: 1 mandatory, 0 advisory, 0 excepted\n$/);
  const json = run(fleet, "--json");
  expect(json.status).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({
    stack: "production",
    environment: "production",
    findings: [{ rule: "protected-data", level: "mandatory", key: "environments.production.protect" }],
  });
});
