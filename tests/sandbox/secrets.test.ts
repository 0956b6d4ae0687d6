import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectWell, Sandbox } from "./sandbox.ts";
import { inStores, onMachine, onRunner, watchProcesses } from "./search.ts";

jest.setTimeout(15 * 60_000);

const sandbox = new Sandbox("secrets");
/** Put into the vault as web's service account token; it looks like one and opens nothing. */
const known = "ops_PlantedByTheSecretsTest0123456789abcdefghij";
const delivered = "/var/lib/pantheros/secrets/opnix-token";

/** Changes the token in the vault the way a person would: through `op`. */
async function rotate(): Promise<void> {
  const script = `set -a; . "$1/secrets.env"; set +a
op item edit "web service account" --vault sandbox "credential=$(cat)"`;
  const path = `${process.cwd()}/sandbox/vendors/onepassword:${process.env["PATH"]}`;
  const { code, output } = await sandbox.run(
    ["tools/with", "env", `PATH=${path}`, "sh", "-c", script, "sh", sandbox.directory],
    60,
    known,
  );
  if (code !== 0) throw new Error(output);
}

describe("no secret is where it must not be", () => {
  let printed = "";
  let processes: string[] = [];

  beforeAll(async () => {
    await sandbox.fresh();
    const first = await sandbox.cli("up");
    expectWell(first);
    await rotate();
    const ended = watchProcesses(known);
    const second = await sandbox.up();
    processes = ended();
    printed = first.output + second.output;
    expectWell({ code: second.code, output: printed });
  });

  afterAll(async () => {
    expectWell(await sandbox.cli("down"));
  });

  test("the token reached its host, for root alone", async () => {
    expect((await sandbox.inside("web", `cat ${delivered}; stat -c ' %a %U' ${delivered}`)).output).toContain(
      `${known} 600 root`,
    );
    expect((await sandbox.inside("db", `cat ${delivered}`)).output).not.toContain(known);
  });

  test("it is in no process list, no output, no log, no state, no store, no user data", async () => {
    const { hosts } = await sandbox.outputs();
    const closures = Object.values(hosts).map((host) => host.closure ?? "");
    const machines = Object.keys(hosts);
    const preview = await sandbox.pulumi("preview", "--diff", "--color", "never");
    const state = await sandbox.pulumi("stack", "export");
    expect(preview.output + state.output + printed).not.toContain(known);
    expect(processes).toEqual([]);
    expect(await onRunner(sandbox, known)).toEqual([]);
    expect(await inStores(sandbox, known, closures, machines)).toEqual([]);
    for (const machine of machines) expect(await onMachine(sandbox, known, machine)).toEqual([]);
  });

  test("nor are the vendors' tokens and the deploy key in the state", async () => {
    const own =
      readFileSync(sandbox.file("secrets.env"), "utf8").match(/(?<=^[A-Z_]*(TOKEN|KEY|PASSPHRASE)=).+$/gm) ??
      [];
    expect(own.length).toBeGreaterThan(4);
    const key = readFileSync(sandbox.file("keys", "deploy"), "utf8").split("\n")[2] ?? "";
    const state = await sandbox.pulumi("stack", "export");
    for (const secret of [...own, key]) {
      expect(secret.length).toBeGreaterThan(15);
      expect(state.output.includes(secret)).toBe(false);
    }
  });

  test("the search finds one that is planted, in each place", async () => {
    const log = sandbox.file("logs", "planted.log");
    writeFileSync(log, known);
    expect(await onRunner(sandbox, known)).toEqual([`file ${log}`]);
    rmSync(log);

    appendFileSync(sandbox.file("pulumi", "planted.json"), JSON.stringify({ plain: known }));
    expect(await onRunner(sandbox, known)).toHaveLength(1);
    rmSync(sandbox.file("pulumi", "planted.json"));

    const ended = watchProcesses(known);
    const child = spawn("sh", ["-c", "sleep 1; :", known]);
    await new Promise((done) => child.on("close", done));
    expect(ended()).toHaveLength(1);

    const scratch = mkdtempSync(join(tmpdir(), "planted-"));
    writeFileSync(join(scratch, "secret"), known);
    const added = await sandbox.run(["tools/with", "nix", "store", "add-file", join(scratch, "secret")], 60);
    const path = added.output.trim().split("\n").at(-1) ?? "";
    expect(await inStores(sandbox, known, [path], [])).toEqual([`file ${path}`]);
    await sandbox.run(["tools/with", "nix", "store", "delete", path], 60);
    rmSync(scratch, { recursive: true });

    await sandbox.inside(
      "db",
      `mkdir -p /nix/store/planted && printf %s ${known} >/nix/store/planted/secret; logger ${known}`,
    );
    const { hosts } = await sandbox.outputs();
    expect(await inStores(sandbox, known, [hosts["db"]?.closure ?? ""], ["db"])).toHaveLength(1);
    expect(await onMachine(sandbox, known, "db")).not.toEqual([]);
  });
});
