import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { operatorArgv } from "../../cli/centre/acts/operator.ts";
import { startCentre } from "./centre-session.ts";
import { expectSuccess, finish, hostsOf, Sandbox } from "./sandbox.ts";

jest.setTimeout(20 * 60_000);

const sandbox = new Sandbox("rollback");
/** Of the control centre. */
const state = mkdtempSync(join(tmpdir(), "rollback-centre-"));
const hosts = ["web", "db", "legacy"] as const;

const rollback = (...args: string[]) => sandbox.run(["tools/pantheros", "rollback", ...args], 600);
const motd = (from: string, to: string) =>
  sandbox.editFleet((text) => text.replace(`motd = "${from}"`, `motd = "${to}"`));
const system = (host: string) => sandbox.running(host);
const pinsFile = () => readFileSync(sandbox.file("Pulumi.sandbox.yaml"), "utf8");

describe("rollback by the user", () => {
  const first = new Map<string, string>();
  const second = new Map<string, string>();

  beforeAll(async () => {
    await sandbox.reset();
    // Two waves: web alone is the second.
    sandbox.editFleet((text) => text.replace("[hosts.web]", "[hosts.web]\nwave = 2"));
    expectSuccess(await sandbox.cli("up"));
    for (const host of hosts) first.set(host, await system(host));
  });

  afterAll(async () => {
    expectSuccess(await sandbox.cli("down"));
    expect(sandbox.leftovers()).toEqual([]);
    rmSync(state, { recursive: true });
  });

  test("an impossible rollback is refused with the reason, and nothing is changed", async () => {
    const unknown = await rollback("nobody");
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.output).toContain('unknown host "nobody"; hosts are db, legacy, web (of this stack)');
    expect((await rollback("--wave", "7")).output).toContain("its waves are 1, 2");
    const never = await rollback("db", "legacy");
    expect(never).toMatchObject({ code: 1 });
    // Before its first deploy the adopted machine had no supervisor: there is no system to roll back to.
    for (const host of ["db", "legacy"]) expect(never.output).toContain(`${host}: no previous generation`);
    expect(never.output).toContain("nothing was changed");
    expect((await rollback("--release", "db")).output).toContain("db: is not pinned; pinned hosts: none");
    expect(await sandbox.changes()).toEqual([]);
  });

  test("one host: the previous system runs and boots, nothing is built, and the next preview shows no change", async () => {
    for (const host of hosts) motd(`${host} of the sandbox`, `${host}, second`);
    expectSuccess(await sandbox.up());
    for (const host of hosts) second.set(host, await system(host));
    expect(second.get("web")).not.toBe(first.get("web"));

    const back = await rollback("web");
    expectSuccess(back);
    expect(back.output).not.toMatch(/web: (build|copy)/);
    expect(await system("web")).toBe(first.get("web"));
    expect((await sandbox.onMachine("web", "readlink /boot/pantheros-default")).output.trim()).toBe(
      first.get("web"),
    );
    expect((await sandbox.outputs()).hosts["web"]).toMatchObject({
      outcome: "confirmed",
      closure: first.get("web"),
      pinned: first.get("web"),
      provenance: { closure: first.get("web"), previous: second.get("web") },
    });
    expect((await sandbox.outputs()).hosts["db"]).not.toHaveProperty("pinned");
    expect(await sandbox.changes()).toEqual([]);
  });

  test("status asks every host, shows the pin, and ends with 3 when a required host does not answer", async () => {
    const status = async (...args: string[]) => {
      // Before the answer, standard error may name a host that is waited for.
      const { code, output } = await sandbox.run(["tools/pantheros", "status", "--json", ...args], 60);
      return {
        code,
        hosts: (JSON.parse(output.slice(output.indexOf("{"))) as { hosts: Record<string, unknown>[] }).hosts,
      };
    };
    const all = await status("--timeout", "60");
    expect(all.code).toBe(0);
    expect(all.hosts.map(({ name, state, reachable }) => [name, state, reachable])).toEqual([
      ["web", "pinned", true],
      ["db", "ok", true],
      ["legacy", "ok", true],
    ]);
    expect(all.hosts[0]).toMatchObject({
      running: first.get("web"),
      pinned: first.get("web"),
      confirmed: true,
    });
    expectSuccess(await sandbox.cli("machine", "unplug", "db"));
    const cut = await status("--timeout", "2");
    expect(cut.code).toBe(3);
    expect(cut.hosts[0]).toMatchObject({ name: "db", state: "unreachable", running: second.get("db") });
    expect((await status("--on", "@server", "--no-ask")).code).toBe(0);
    expect((await status("--on", "leg*", "--timeout", "60")).hosts).toMatchObject([
      { name: "legacy", state: "ok" },
    ]);
    expectSuccess(await sandbox.cli("machine", "plug", "db"));
  });

  test("why, diff, logs and exec answer for real hosts", async () => {
    const json = async (...words: string[]) => {
      const { output } = await sandbox.run(["tools/pantheros", ...words, "--json"], 120);
      return JSON.parse(output.slice(output.indexOf("{"))) as Record<string, unknown>;
    };
    expect(await json("why", "web", "--timeout", "60")).toMatchObject({
      state: "pinned",
      converged: true,
      causes: expect.arrayContaining([expect.objectContaining({ kind: "pinned", host: "web" })]),
    });
    expect(await json("diff", "web", "previous", "running")).toMatchObject({
      from: { path: second.get("web") },
      to: { path: first.get("web") },
      closure: { rebuilt: expect.arrayContaining(["motd"]) },
      units: { changed: [], added: [], removed: [] },
    });
    // The newest lines are those of this login.
    expect(await json("logs", "web", "--lines", "3")).toMatchObject({
      host: "web",
      lines: expect.arrayContaining([expect.stringContaining("sshd")]),
    });
    const { code, output } = await sandbox.run(
      ["tools/pantheros", "exec", "--on", "web,db", "--", "sh", "-c", "echo $0; exit 4", "$HOME"],
      120,
    );
    expect(code).toBe(1);
    expect(output.split("\n").filter(Boolean).sort()).toEqual(
      ["2 hosts: 2 exit 4 (db, web)", "db  | $HOME", "web | $HOME"].sort(),
    );
  });

  test("a rollback can be repeated, and the pin survives changes of the flake", async () => {
    const again = await rollback("web", "--no-up");
    expectSuccess(again);
    expect(again.output).toContain(`web: already pinned to ${first.get("web")}`);
    motd("web, second", "web, third");
    expect(await sandbox.changes()).toEqual([]);
  });

  test("drift of a pinned host is shown with the pin, and repaired", async () => {
    const other = second.get("web") ?? "";
    expect(await sandbox.onMachine("web", `${other}/bin/switch-to-configuration test`)).toMatchObject({
      code: 0,
    });
    const preview = await sandbox.pulumi("preview", "--color", "never");
    expect(preview.output).toMatch(
      /web: pinned to nixos-system-web\S* by pantheros:pins \(rolled back on purpose\)/,
    );
    expect(hostsOf(await sandbox.changes())).toEqual(new Set(["web"]));
    expectSuccess(await sandbox.up());
    expect(await system("web")).toBe(first.get("web"));
  });

  test("after a release the host follows the flake again", async () => {
    expectSuccess(await rollback("--release", "web"));
    const now = await system("web");
    expect([first.get("web"), second.get("web")]).not.toContain(now);
    expect((await sandbox.outputs()).hosts["web"]).not.toHaveProperty("pinned");
    expect(pinsFile()).not.toContain("/nix/store/");
    expect(await sandbox.changes()).toEqual([]);
  });

  test("a wave: all of its hosts and no other; a change of a later wave is held meanwhile", async () => {
    const before = await system("web");
    expectSuccess(await rollback("--wave", "1"));
    for (const host of ["db", "legacy"]) expect(await system(host)).toBe(first.get(host));
    expect(await system("web")).toBe(before);
    expect(await sandbox.changes()).toEqual([]);

    motd("web, third", "web, fourth");
    const held = await sandbox.up();
    expect(held.code).not.toBe(0);
    expect(held.output).toContain("web: held: waits for db (pinned), legacy (pinned)");
    expect(await system("web")).toBe(before);

    expectSuccess(await rollback("--release", "--wave", "1"));
    for (const host of ["db", "legacy"]) expect(await system(host)).toBe(second.get(host));
    expect(await system("web")).not.toBe(before);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("from the control centre's page: the host goes back, the pin is written, and up leaves it there", async () => {
    const before = await system("web");
    const centre = await startCentre(sandbox, "admin", state);
    try {
      const form = await centre.get("/acts/new?act=rollback.host&host=web");
      expect(form.text).toContain(before);
      expect(form.text).toMatch(/<li>closure [\d.]+ \wB -&gt; [\d.]+ \wB<\/li>/);
      const back = { act: "rollback.host", host: "web", reason: "the fourth is broken", sure: "yes" };
      expect(await centre.act(back)).toMatch(/confirmed: runs \/nix\/store\//);
      const pinned = await system("web");
      expect(pinned).not.toBe(before);
      expect(pinsFile()).toContain(pinned);
      expectSuccess(await sandbox.up());
      expect(await system("web")).toBe(pinned);
      expect(await sandbox.changes()).toEqual([]);

      const pid = () => sandbox.onMachine("web", "systemctl show -P MainPID hello.service");
      const old = (await pid()).output;
      const restart = { act: "service.restart", host: "web", unit: "hello.service", reason: "it hangs" };
      expect(await centre.act(restart)).toContain("hello.service was restarted and is active");
      expect((await pid()).output).not.toBe(old);
      expect((await centre.get("/hosts/web/journal?unit=hello.service")).text).toMatch(/hello\.service/);

      expect(await centre.act({ act: "run.preview", reason: "to look" })).toContain("ended with exit code 0");

      const audit = await centre.get("/audit");
      expect(audit.text).toContain("The chain of 6 records is whole.");
      expect(audit.text).toContain("the fourth is broken");

      await centre.act({ act: "rollback.release", host: "web", reason: "it is fixed" });
      expect(pinsFile()).not.toContain("/nix/store/");
      expectSuccess(await sandbox.up());
      expect(await system("web")).toBe(before);
    } finally {
      await centre.stop();
    }
  });

  test("as Guest the rollback is refused by the control centre, and by the host when only the host is asked", async () => {
    const before = await system("web");
    const centre = await startCentre(sandbox, "guest", state);
    try {
      const asked = { act: "rollback.host", host: "web", reason: "to try", sure: "yes" };
      expect(await centre.send(asked)).toMatchObject({ status: 403 });
      expect((await centre.get("/hosts/web")).text).not.toContain("rollback.host");
    } finally {
      await centre.stop();
    }
    const { addresses, hostKey = "" } = (await sandbox.outputs()).hosts["web"] ?? { addresses: {} };
    const { ipv4: address = "" } = addresses;
    const asGuest = (...words: string[]) => {
      const host = { host: "web", address, hostKey, user: "deploy", maybeUnmanaged: false };
      return sandbox.inDriver(...operatorArgv(host, sandbox.file("keys", "operators", "guest"), words));
    };
    // What a control centre without its guard would send.
    const refused = await asGuest("rollback", "token-of-a-guest");
    expect(refused.code).toBe(2);
    expect(refused.output).toMatch(/"outcome":"refused","step":"role".*the role guest may not rollback/);
    for (const words of [
      ["restart", "hello.service"],
      ["logs", "hello.service"],
      ["sh", "-c", "id"],
    ])
      expect((await asGuest(...words)).output).toMatch(/"outcome":"refused"/);
    expect((await asGuest("status")).output).toContain(before);
    expect(await system("web")).toBe(before);
  });

  test("a selection: only its hosts are evaluated, asked and deployed to, and a plain preview then shows the others", async () => {
    // An ssh that logs whom it connects to.
    const log = sandbox.file("asked");
    const bin = sandbox.file("bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(
      join(bin, "ssh"),
      `#!/bin/sh\necho "$*" >>'${log}'\nPATH=\${PATH#*${bin}:}\nexec ssh "$@"\n`,
      { mode: 0o755 },
    );
    const selected = async (...args: string[]) => {
      rmSync(log, { force: true });
      const PATH = `${bin}:${process.env["PATH"]}`;
      const env = { ...sandbox.environment, PATH };
      const done = await finish(["tools/pantheros", ...args, "--stack", "sandbox"], 600, { env });
      const lines = existsSync(log) ? readFileSync(log, "utf8") : "";
      return { ...done, asked: hosts.filter((host) => lines.includes(`HostKeyAlias=${host} `)) };
    };
    const [web, db] = [await system("web"), await system("db")];
    motd("web, fourth", "web, fifth");
    motd("db, second", "db, third");
    // legacy cannot be evaluated: its text is a number.
    const broken = (from: string, to: string) => sandbox.editFleet((text) => text.replace(from, to));
    broken('motd = "legacy, second"', "motd = 5");

    const unknown = await selected("preview", "--on", "wep");
    expect(unknown.code).not.toBe(0);
    expect(unknown.output).toContain('unknown host "wep"; did you mean "web"?');
    const preview = await selected("preview", "--on", "@wave2", "--color", "never");
    expectSuccess(preview);
    expect(preview.asked).toEqual(["web"]);
    expect(preview.output).toContain("not selected, so not asked and not deployed to: db, legacy");

    const before = (await sandbox.outputs()).hosts;
    const up = await selected("up", "--on", "web", "--yes", "--skip-preview", "--color", "never");
    expectSuccess(up);
    expect(up.asked).toEqual(["web"]);
    expect(up.output).toContain("db: not selected; its last deploy ended confirmed");
    expect(await system("web")).not.toBe(web);
    expect(await system("db")).toBe(db);
    const { db: kept, legacy } = (await sandbox.outputs()).hosts;
    expect([kept, legacy]).toEqual([before["db"], before["legacy"]]);

    broken("motd = 5", 'motd = "legacy, second"');
    expect(hostsOf(await sandbox.changes())).toEqual(new Set(["db"]));
    expectSuccess(await sandbox.up());
    expect(await system("db")).not.toBe(db);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("an unhealthy previous system is itself rolled back by the supervisor", async () => {
    const now = await system("db");
    // db's previous system has a health check of a file, which only this test makes.
    const bad = '\n[[hosts.db.health]]\nname = "gate"\nkind = "command"\ncommand = "test -e /run/gate"\n';
    sandbox.editFleet((text) => text + bad);
    await sandbox.onMachine("db", "touch /run/gate");
    expectSuccess(await sandbox.up());
    sandbox.editFleet((text) => text.replace(bad, ""));
    expectSuccess(await sandbox.up());
    expect(await system("db")).toBe(now);
    await sandbox.onMachine("db", "rm /run/gate");

    const failed = await rollback("db");
    expect(failed.code).not.toBe(0);
    expect(failed.output).toContain("db: rolled-back at health");
    expect(failed.output).toContain("tools/pantheros rollback --release db");
    expect(await system("db")).toBe(now);
    expect((await sandbox.outputs()).hosts["db"]).toMatchObject({ outcome: "rolled-back", closure: now });
    expectSuccess(await rollback("--release", "db"));
    expect(await system("db")).toBe(now);
  });

  test("a pinned system that the host no longer has is named", async () => {
    const gone = `/nix/store/${"0".repeat(32)}-nixos-system-db-gone`;
    const file = sandbox.file("Pulumi.sandbox.yaml");
    const set = ["config", "set", "--path", 'pantheros:pins["db"]', gone, "--config-file", file];
    expectSuccess(await sandbox.pulumi(...set));
    const failed = await sandbox.up();
    expect(failed.code).not.toBe(0);
    expect(failed.output).toMatch(
      /db: failed at closure[\s\S]*the system that the host is pinned to was garbage collected/,
    );
    expectSuccess(await rollback("--release", "db"));
    expect(await sandbox.changes()).toEqual([]);
  });

  test("an unreachable host cannot be rolled back, and nothing is changed", async () => {
    expectSuccess(await sandbox.cli("machine", "stop", "db"));
    const refused = await rollback("db", "web");
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.output).toMatch(/db: does not answer/);
    expect(refused.output).toContain("nothing was changed");
    expect(pinsFile()).not.toContain("/nix/store/");
    expectSuccess(await sandbox.cli("machine", "start", "db"));
    // A started machine still boots.
    const up = "for i in $(seq 300); do ss -Hltn 'sport = 22' | grep -q . && exit 0; sleep 0.1; done; exit 1";
    expectSuccess(await sandbox.onMachine("db", up));
  });

  test("a pinned host that does not answer is named by the next up, which does not wait for it", async () => {
    expectSuccess(await rollback("db", "--no-up"));
    expectSuccess(await sandbox.cli("machine", "unplug", "db"));
    const up = await sandbox.up();
    expect(up.code).toBeGreaterThan(0); // ended by itself, not by this test's timeout
    expect(up.output).toMatch(/db: failed at connect/);
    expectSuccess(await sandbox.cli("machine", "plug", "db"));
    expectSuccess(await rollback("--release", "db"));
    expect(await sandbox.changes()).toEqual([]);
  });
});
