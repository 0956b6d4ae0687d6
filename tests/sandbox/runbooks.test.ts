/** All runbooks, on real hosts: docs/runbooks.md is made from the same table. */
import { readFileSync, rmSync } from "node:fs";
import { RUNBOOKS } from "../../sandbox/runbooks/table.ts";
import { excerpt, expectSuccess, Sandbox } from "./sandbox.ts";

jest.setTimeout(25 * 60_000);

const sandbox = new Sandbox("runbooks");
const kept = (name: string) =>
  JSON.parse(
    readFileSync(sandbox.file("state", "pantheros", "rehearsals", `${name}.json`), "utf8"),
  ) as object;

describe("the runbooks", () => {
  beforeAll(async () => {
    await sandbox.reset();
    rmSync(sandbox.file("state"), { recursive: true, force: true });
    sandbox.environment["XDG_STATE_HOME"] = sandbox.file("state");
  });

  afterAll(async () => {
    expectSuccess(await sandbox.cli("down"));
    expect(sandbox.leftovers()).toEqual([]);
  });

  test("each restores what its break broke, and prints its time beside the target", async () => {
    const { code, output } = await sandbox.run(["tools/pantheros", "rehearse", "--all"], 1400);
    const ends = output.split("\n").filter((line) => /: (restored in|FAILED after) /.test(line));
    const shown = ends.map((line) => line.replace(/ in .* \(/, " in TIME ("));
    if (code !== 0) throw new Error(`${ends.join("\n")}\n${excerpt(output)}`);
    expect(shown).toEqual([
      "configuration: restored in TIME (target 10 min)",
      "secret: restored in TIME (target 1 h)",
      "cache: restored in TIME (target 4 h)",
      "database: restored in TIME (target 2 h)",
      "host: restored in TIME (target 1 h)",
      "disaster: restored in TIME (target 8 h)",
    ]);
    for (const { name, broken } of RUNBOOKS) {
      expect(output).toContain(`break: ${broken}`);
      expect(kept(name)).toMatchObject({ name, passed: true });
    }
  });
});
