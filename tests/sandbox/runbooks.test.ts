/** All runbooks, on real hosts: docs/runbooks.md is made from the same table. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMark, writeMark } from "../../sandbox/runbooks/mark.ts";
import { RUNBOOKS } from "../../sandbox/runbooks/table.ts";
import { excerpt, expectSuccess, Sandbox } from "./sandbox.ts";

jest.setTimeout(30 * 60_000);

const sandbox = new Sandbox("runbooks");
/** The user's state, which outlives a sandbox that a disaster empties. */
let state: string;
const kept = (name: string) =>
  JSON.parse(readFileSync(join(state, "pantheros", "rehearsals", `${name}.json`), "utf8")) as object;

describe("the runbooks", () => {
  beforeAll(async () => {
    await sandbox.reset();
    state = mkdtempSync(join(tmpdir(), "pantheros-state-"));
    sandbox.environment["XDG_STATE_HOME"] = state;
    delete sandbox.environment["PANTHEROS_STATE_DIR"];
  });

  afterAll(async () => {
    expectSuccess(await sandbox.cli("down"));
    rmSync(state, { recursive: true });
    expect(sandbox.leftovers()).toEqual([]);
  });

  test("a removal of everything that was interrupted is finished by the next `sandbox up`", async () => {
    expectSuccess(await sandbox.cli("up", "--no-deploy"));
    expectSuccess(await sandbox.onMachine("legacy", "touch /var/from-before"));
    writeMark(sandbox.directory, { name: "disaster", removing: true });
    expectSuccess(await sandbox.cli("up", "--no-deploy"));
    expect((await sandbox.onMachine("legacy", "test -e /var/from-before")).code).toBe(1);
    expect(readMark(sandbox.directory)).toEqual({ name: "disaster", removing: false });
  });

  test("each restores what its break broke, and prints its time beside the target", async () => {
    const { code, output } = await sandbox.run(["tools/pantheros", "rehearse", "--all"], 1500);
    const ends = output.split("\n").filter((line) => /: (restored in|FAILED after) /.test(line));
    if (code !== 0) throw new Error(`${ends.join("\n")}\n${excerpt(output)}`);
    expect(ends.map((line) => line.replace(/ in .* \(/, " in TIME ("))).toEqual([
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
    expect(readMark(sandbox.directory)).toBeUndefined();
  });

  test("after an interrupted rehearsal `sandbox up` creates the lost server again, with the user's own fleet", async () => {
    const token = /^HCLOUD_TOKEN=(.+)$/m.exec(readFileSync(sandbox.file("secrets.env"), "utf8"))?.[1];
    const request = ["curl", "-sSf", "-H", `authorization: Bearer ${token}`];
    const servers = "http://198.51.100.1:8001/v1/servers";
    const found = await sandbox.inDriver(...request, `${servers}?name=web`);
    const [server] = (JSON.parse(found.output) as { servers: { id: number }[] }).servers;
    expectSuccess(await sandbox.inDriver(...request, "-X", "DELETE", `${servers}/${server?.id}`));
    writeMark(sandbox.directory, { name: "host", removing: false });
    expectSuccess(await sandbox.cli("up"));
    const { hosts } = await sandbox.outputs();
    expect(Object.values(hosts).map(({ outcome }) => outcome)).toEqual([
      "confirmed",
      "confirmed",
      "confirmed",
    ]);
    expect((await sandbox.onMachine("db", "command -v pantheros-postgres")).code).not.toBe(0);
    expect(readMark(sandbox.directory)).toBeUndefined();
  });
});
