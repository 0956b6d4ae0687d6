import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { grantHosts } from "../../sandbox/vendors/onepassword/accounts.ts";
import { changeVault } from "../../sandbox/vendors/onepassword/vault-file.ts";
import { expectSuccess, Sandbox } from "./sandbox.ts";
import { inStores, onMachine, onRunner, watchProcesses } from "./search.ts";

jest.setTimeout(15 * 60_000);

const sandbox = new Sandbox("secrets");
/** Stored in the vault as web's service account token; it has the form of a token, but is not valid. */
const known = "ops_PlantedByTheSecretsTest0123456789abcdefghij";
const delivered = "/var/lib/pantheros/secrets/opnix-token";

/** The token of the database's host after its rotation. */
const rotated = "ops_RotatedByTheSecretsTest0123456789abcdefghij";

/** Changes a value in 1Password as a user does: with `op`. */
async function put(vault: string, item: string, field: string, value: string): Promise<void> {
  const script = `set -a; . "$1/secrets.env"; set +a
op item edit "${item}" --vault ${vault} "${field}=$(cat)"`;
  const path = `${process.cwd()}/sandbox/vendors/onepassword:${process.env["PATH"]}`;
  const { code, output } = await sandbox.run(
    ["tools/with", "env", `PATH=${path}`, "sh", "-c", script, "sh", sandbox.directory],
    60,
    value,
  );
  if (code !== 0) throw new Error(output);
}

/** What would confirm a guess of the secret. */
const sumsOf = (secret: string): string[] => {
  const sum = createHash("sha256").update(secret).digest();
  return [sum.toString("hex"), sum.toString("base64")];
};

/** Replaces a host's service account as 1Password does: the old token becomes invalid. */
async function rotateAccount(host: string, token: string): Promise<void> {
  const reference = `op://sandbox/${host} service account/credential`;
  const vault = sandbox.file("vault.json");
  changeVault(vault, (file) => {
    file.serviceAccounts = file.serviceAccounts.filter(({ name }) => name !== host);
  });
  await put("sandbox", `${host} service account`, "credential", token);
  grantHosts(vault, [{ host, reference, vaults: ["sandbox-hosts"] }]);
}

/** The greeting of the database's service, which contains a secret that its host reads from 1Password. */
const greeting = async (): Promise<string> =>
  (await sandbox.onMachine("db", "curl -sm 5 telnet://127.0.0.1:5432")).output.trim();
const greets = async (text: string): Promise<void> => {
  const end = Date.now() + 60_000;
  while ((await greeting()) !== text && Date.now() < end)
    await new Promise((resume) => setTimeout(resume, 500));
  expect(await greeting()).toBe(text);
};
/** How often the host has read its secrets since its boot. */
const fetches = async (): Promise<string> =>
  (
    await sandbox.onMachine(
      "db",
      "journalctl --no-pager -b -o cat -u opnix-secrets | grep -c 'Finished opnix-secrets'",
    )
  ).output.trim();

describe("secrets", () => {
  let printed = "";
  let processes: string[] = [];
  let greeted = "";

  beforeAll(async () => {
    await sandbox.reset();
    sandbox.editFleet((text) =>
      text.replace(
        'port = 5432\nprotocol = "tcp"',
        `$&\noptions = { secret = "op://sandbox-hosts/db/greeting" }`,
      ),
    );
    const first = await sandbox.cli("up");
    expectSuccess(first);
    greeted = await greeting();
    await put("sandbox", "web service account", "credential", known);
    await put("sandbox-hosts", "db", "greeting", "GREETING=after the rotation of the token");
    await rotateAccount("db", rotated);
    const ended = watchProcesses(known);
    const second = await sandbox.up();
    processes = ended();
    printed = first.output + second.output;
    expectSuccess({ code: second.code, output: printed });
  });

  afterAll(async () => {
    expectSuccess(await sandbox.cli("down"));
  });

  test("the token reached its host, for root alone", async () => {
    expect(
      (await sandbox.onMachine("web", `cat ${delivered}; stat -c ' %a %U' ${delivered}`)).output,
    ).toContain(`${known} 600 root`);
    expect((await sandbox.onMachine("db", `cat ${delivered}`)).output).not.toContain(known);
  });

  test("a created server has its secrets from its first boot on, and the first run confirms it", async () => {
    expect(greeted).toBe("database on db, as 1Password has it");
  });

  test("a rotated token is used at once, and services that read a secret restart with the new value", async () => {
    const token = "/var/lib/pantheros/secrets/opnix-token";
    expect((await sandbox.onMachine("db", `cat ${token}`)).output.trim()).toBe(rotated);
    await greets("after the rotation of the token");
  });

  test("a rotated secret reaches its service at the host's next reading, without a deploy", async () => {
    await put("sandbox-hosts", "db", "greeting", "GREETING=after the rotation of the secret");
    expectSuccess(await sandbox.onMachine("db", "systemctl restart opnix-secrets.service"));
    await greets("after the rotation of the secret");
    // Reading the secrets writes them and touches the token, which must not cause another reading.
    const before = await fetches();
    expect(Number(before)).toBeGreaterThan(1);
    expectSuccess(
      await sandbox.onMachine("db", "touch /run/secrets/database /var/lib/pantheros/secrets/opnix-token"),
    );
    await new Promise((resume) => setTimeout(resume, 3000));
    expect(await fetches()).toBe(before);
    expect((await sandbox.onMachine("db", "systemctl is-active pantheros-secrets.path")).output.trim()).toBe(
      "active",
    );
  });

  test("a secret that was changed by hand is delivered again, and then nothing changes", async () => {
    expect(await sandbox.changes()).toEqual([]);
    expectSuccess(await sandbox.onMachine("web", `printf other >${delivered}`));
    const deliveries = (await sandbox.changes()).filter(({ urn }) => urn.endsWith("-delivery"));
    expect(deliveries.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`)).toEqual([
      "replace web-secret-opnix-token-delivery",
    ]);
    expectSuccess(await sandbox.up());
    expect((await sandbox.onMachine("web", `cat ${delivered}`)).output).toContain(known);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("without access to a secret its services do not start; they start once the host may read it", async () => {
    expectSuccess(
      await sandbox.onMachine(
        "db",
        "rm /run/secrets/database && systemctl restart database && ! systemctl is-active --quiet database",
      ),
    );
    expectSuccess(await sandbox.onMachine("db", "systemctl restart opnix-secrets.service"));
    await greets("after the rotation of the secret");
  });

  test("the token is in no process list, output, log, state, store or user data", async () => {
    const { hosts } = await sandbox.outputs();
    const closures = Object.values(hosts).map((host) => host.closure ?? "");
    const machines = Object.keys(hosts);
    const preview = await sandbox.pulumi("preview", "--diff", "--color", "never");
    const state = await sandbox.pulumi("stack", "export");
    const status = await sandbox.cli("status");
    const shown = preview.output + state.output + printed + status.output;
    // Its sums too, because a sum confirms a guess of a weak secret.
    for (const trace of [known, ...sumsOf(known)]) {
      expect(shown.includes(trace)).toBe(false);
      expect(await onRunner(sandbox, trace)).toEqual([]);
    }
    expect(processes).toEqual([]);
    expect(await inStores(sandbox, known, closures, machines)).toEqual([]);
    for (const machine of machines) expect(await onMachine(sandbox, known, machine)).toEqual([]);
  });

  test("the vendors' tokens and the deploy key are not in the state", async () => {
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

  test("the search finds a planted secret in each place", async () => {
    const log = sandbox.file("logs", "planted.log");
    writeFileSync(log, known);
    expect(await onRunner(sandbox, known)).toEqual([`file ${log}`]);
    rmSync(log);

    appendFileSync(sandbox.file("pulumi", "planted.json"), JSON.stringify({ plain: known }));
    expect(await onRunner(sandbox, known)).toHaveLength(1);
    rmSync(sandbox.file("pulumi", "planted.json"));

    // Beside the runs that this sandbox has recorded.
    const run = sandbox.file("state", "runs", "sandbox", "planted");
    writeFileSync(run, known);
    expect(await onRunner(sandbox, known)).toEqual([`file ${run}`]);
    rmSync(run);

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

    await sandbox.onMachine(
      "db",
      `mkdir -p /nix/store/planted && printf %s ${known} >/nix/store/planted/secret; logger ${known}`,
    );
    const { hosts } = await sandbox.outputs();
    expect(await inStores(sandbox, known, [hosts["db"]?.closure ?? ""], ["db"])).toHaveLength(1);
    expect(await onMachine(sandbox, known, "db")).not.toEqual([]);
  });
});
