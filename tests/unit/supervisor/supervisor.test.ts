import { randomUUID } from "node:crypto";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { type Closure, FakeHost, shells, supervisorText } from "./fake-host.ts";

jest.setTimeout(120_000);

test("the supervisor has no code for the sandbox", () => {
  expect(supervisorText()).not.toMatch(/sandbox|pantheros-default|pantheros-once/i);
});

describe.each(shells)("supervisor under $name", ({ shebang }) => {
  let host: FakeHost;
  let old: string;
  beforeEach(() => {
    host = new FakeHost(shebang);
    old = host.installed();
  });
  afterEach(() => host.remove());

  const runs = () => host.target("run/current-system");
  const boots = () => host.target("boot/pantheros-default");
  const activate = (system: string, token = "t1") => host.run(["activate", system, token]);

  test("the status has the machine's id, if it has one", () => {
    const id = "0123456789abcdef".repeat(2);
    for (const [text, machineId] of [
      [undefined, null],
      ["uninitialized\n", null],
      [`${id}\n`, id],
      // As systemd.machine_id= may leave it.
      [id, id],
    ] as const) {
      if (text !== undefined) host.write("etc/machine-id", text);
      expect(host.status()).toMatchObject({ version: 3, machineId, tailnetNode: null });
    }
  });

  test("the status has the machine's node id in the tailnet, if it has joined", () => {
    for (const [text, tailnetNode] of [
      ["\n", null],
      ["nSANDBOX1CNTRL\n", "nSANDBOX1CNTRL"],
    ] as const) {
      host.write("run/pantheros/tailnet-node", text);
      expect(host.status()).toMatchObject({ tailnetNode });
    }
  });

  test("confirmed: the system runs, then becomes the profile and the boot default", async () => {
    const next = host.closure("next");
    expect(activate(next)).toMatchObject({
      status: 0,
      json: { outcome: "waiting", token: "t1", running: next },
    });
    expect(boots()).toBe(old);
    expect(host.profile()).toBe(old);
    expect(host.run(["confirm", "t1"])).toMatchObject({
      status: 0,
      json: { outcome: "confirmed", running: next },
    });
    await host.idle();
    expect([runs(), host.profile(), boots()]).toEqual([next, next, next]);
    expect(host.log()).toEqual([`test ${next}`, `nix-env --set ${next}`, `boot ${next}`]);
    expect(host.status()).toMatchObject({
      ...{ version: 3, system: next, booted: old, profile: next, bootDefault: next, generation: 2 },
      ...{ token: "t1", confirmed: true, phase: "idle", activation: null, last: { outcome: "confirmed" } },
    });
    expect(host.target("nix/var/nix/gcroots/pantheros-previous")).toBe(old);
    expect(host.exists("nix/var/nix/gcroots/pantheros-recorded")).toBe(false);
  });

  test("confirm is idempotent and a wrong token is refused", async () => {
    const next = host.closure("next");
    activate(next);
    expect(host.run(["confirm", "t2"])).toMatchObject({
      status: 2,
      json: { outcome: "refused", step: "confirm" },
    });
    expect(host.phase()).toBe("waiting");
    host.run(["confirm", "t1"]);
    await host.idle();
    expect(host.run(["confirm", "t1"])).toMatchObject({ status: 0, json: { outcome: "confirmed" } });
    expect(host.run(["confirm", "t2"])).toMatchObject({ status: 2, json: { outcome: "refused" } });
  });

  test("activation script fails: the old system is restored, and the reason names the failure", async () => {
    const next = host.closure("next", {
      onTest: 'echo "the \\"quoted\\" unit foo\\\\x2d.service failed" >&2; exit 4',
    });
    const result = activate(next);
    expect(result).toMatchObject({
      status: 1,
      json: {
        outcome: "rolled-back",
        step: "activate",
        exitCode: 4,
        running: old,
        recorded: old,
        wanted: next,
      },
    });
    expect(result.json["command"]).toContain("switch-to-configuration test");
    expect(result.json["reason"]).toContain('the "quoted" unit foo\\x2d.service failed');
    expect([runs(), host.profile(), boots()]).toEqual([old, old, old]);
    expect(host.status()).toMatchObject({ token: null, confirmed: false, last: { outcome: "rolled-back" } });
  });

  test("activation that exits 0 without switching is a failure", () => {
    const next = host.closure("next", { onTest: "kill -TERM $PPID; exit 0" });
    expect(activate(next).json).toMatchObject({ outcome: "rolled-back", step: "activate", running: old });
  });

  test("activation that hangs is ended after switch_seconds", () => {
    const next = host.closure("next", { onTest: "sleep 300", conf: { switch_seconds: 1 } });
    const { json } = activate(next);
    expect(json).toMatchObject({ outcome: "rolled-back", step: "activate" });
    expect([124, 143]).toContain(json["exitCode"]); // coreutils, busybox
    expect(json["reason"]).toContain("not finished after 1 s");
  });

  test("a service the new system stopped serves again after the rollback", () => {
    const next = host.closure("next", {
      onTest: 'echo sshd.service >"$PANTHEROS_ROOT/fake/serving"; exit 1',
    });
    expect(activate(next).json).toMatchObject({ outcome: "rolled-back", missingUnits: [] });
    expect(host.log()).toContain("start nginx.service");
  });

  test("health check fails: the old system is restored, and each check is reported", () => {
    const checks = [
      ["unit", "ssh", "sshd.service", "-", "-", "5"],
      ["command", "sums", "echo broken\tpipe; exit 3".replace("\t", " "), "-", "-", "5"],
      ["unit", "gone", "gone.service", "-", "-", "5"],
      ["nonsense", "odd", "x", "-", "-", "-"],
    ];
    const { json } = activate(host.closure("next", { checks }));
    expect(json).toMatchObject({ outcome: "rolled-back", step: "health", running: old });
    expect(json["reason"]).toMatch(
      /sums \(command .*\): broken pipe\nexit 3; gone \(unit gone.service\): inactive/,
    );
    expect(json["health"]).toEqual([
      { name: "ssh", ok: true, detail: "active" },
      { name: "sums", ok: false, detail: "broken pipe\nexit 3" },
      { name: "gone", ok: false, detail: "inactive" },
      { name: "odd", ok: false, detail: "unknown kind of check: nonsense" },
    ]);
  });

  test("a unit that fails after a successful switch is unhealthy; one that had failed before is not", () => {
    host.write("fake/failed", "old.service\n");
    const quiet = host.closure("quiet");
    expect(activate(quiet).json).toMatchObject({ outcome: "waiting" });
    host.write("fake/failed", "old.service\napp.service\n");
    const late = host.run(["confirm", "t1"]).json;
    expect(late).toMatchObject({ outcome: "rolled-back", step: "health", running: old });
    expect(late["reason"]).toContain("app.service");
    expect(late["reason"]).not.toContain("old.service");
    host.write("fake/failed", "");
    const onTest = 'echo app.service >"$PANTHEROS_ROOT/fake/failed"';
    expect(activate(host.closure("next", { onTest })).json).toMatchObject({
      outcome: "rolled-back",
      step: "health",
    });
  });

  test("health checks are repeated within their time limit", () => {
    const counter = `${host.root}/fake/tries`;
    const command = `echo x >>${counter}; [ "$(wc -l <${counter})" -ge 3 ]`;
    const next = host.closure("next", {
      checks: [["command", "third", command, "-", "-", "5"]],
      conf: { health_seconds: 60 },
    });
    expect(activate(next).json).toMatchObject({ outcome: "waiting", health: [{ name: "third", ok: true }] });
    expect(host.read("fake/tries")).toBe("x\nx\nx\n");
  });

  test("http and tcp checks connect to a real server", async () => {
    const server = http.createServer((_, reply) => reply.writeHead(203).end("hello fleet"));
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const port = (server.address() as AddressInfo).port;
    const url = `http://127.0.0.1:${port}/`;
    const checks = [
      ["http", "any", url, "-", "-", "5"],
      ["http", "body", url, "203", "hello", "5"],
      ["tcp", "port", `127.0.0.1:${port}`, "-", "-", "5"],
      ["http", "status", url, "200", "-", "5"],
      ["http", "absent", url, "203", "goodbye", "5"],
      ["tcp", "closed", "127.0.0.1:1", "-", "-", "5"],
    ];
    const child = host.start(["activate", host.closure("next", { checks }), "t1"]);
    await new Promise((done) => child.on("exit", done));
    server.closeAllConnections();
    server.close();
    const last = host.status()["last"] as { health: { name: string; ok: boolean; detail: string }[] };
    expect(last.health.map(({ name, ok }) => [name, ok])).toEqual([
      ["any", true],
      ["body", true],
      ["port", true],
      ["status", false],
      ["absent", false],
      ["closed", false],
    ]);
    expect(last.health[3]?.detail).toBe("status 203");
    expect(last.health[5]?.detail).toMatch(/refused/i);
  });

  test("no confirmation: the old system is restored", async () => {
    const next = host.closure("next", { conf: { confirm_seconds: 0 } });
    activate(next);
    await host.idle();
    expect(host.status()).toMatchObject({
      system: old,
      bootDefault: old,
      token: null,
      last: { outcome: "rolled-back", step: "confirm", token: "t1" },
    });
    expect(host.run(["confirm", "t1"])).toMatchObject({ status: 2, json: { outcome: "refused" } });
    expect(runs()).toBe(old);
  });

  test("the session that started it is killed: the activation continues", async () => {
    const next = host.closure("next", {
      onTest:
        'echo x >"$PANTHEROS_ROOT/fake/began"; until [ -e "$PANTHEROS_ROOT/fake/go" ]; do sleep 0.05; done',
    });
    const child = host.start(["activate", next, "t1"]);
    await host.until(() => host.exists("fake/began"));
    child.kill("SIGKILL");
    host.write("fake/go", "");
    await host.until(() => host.phase() === "waiting");
    expect(host.status()).toMatchObject({
      phase: "waiting",
      activation: { token: "t1", wanted: next, recorded: old },
    });
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed", running: next });
  });

  test("a second activation is refused while one is under way, and both closures are pinned", () => {
    const next = host.closure("next");
    activate(next);
    expect(host.target("nix/var/nix/gcroots/pantheros-recorded")).toBe(old);
    expect(host.target("nix/var/nix/gcroots/pantheros-wanted")).toBe(next);
    const other = activate(host.closure("other"), "t2");
    expect(other).toMatchObject({ status: 2, json: { outcome: "refused", step: "busy" } });
    expect(other.json["reason"]).toContain(next);
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed" });
  });

  test("a confirmation without a notification, as by another version, counts too", async () => {
    const next = host.closure("next");
    activate(next);
    const attempt = /^attempt=(.+)$/m.exec(host.read("var/lib/pantheros/record"))?.[1] ?? "";
    expect(attempt).not.toBe("");
    host.write("var/lib/pantheros/confirm", `${attempt}\n`);
    await host.idle();
    expect(host.status()).toMatchObject({ confirmed: true, system: next, token: "t1" });
  });

  test("without FIFOs the two sides still find each other's files", () => {
    host.write("var/lib/pantheros/phase.bell", "a file in place of the FIFO");
    host.write("var/lib/pantheros/confirm.bell", "a file in place of the FIFO");
    const next = host.closure("next");
    expect(activate(next).json).toMatchObject({ outcome: "waiting" });
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed", running: next });
  });

  test("same closure twice, first attempt rolled back: the second is a real attempt", async () => {
    const next = host.closure("next", { conf: { confirm_seconds: 0 } });
    activate(next, "same");
    await host.idle();
    host.closure("next");
    expect(activate(next, "same").json).toMatchObject({ outcome: "waiting", running: next });
    expect(host.run(["confirm", "same"]).json).toMatchObject({ outcome: "confirmed" });
    await host.idle();
    expect(host.log().filter((entry) => entry === `test ${next}`)).toHaveLength(2);
    expect(boots()).toBe(next);
  });

  test("reboot inside the window: the old system, reported as interrupted", async () => {
    const next = host.closure("next");
    activate(next);
    await host.cycle();
    const status = host.status();
    expect(status).toMatchObject({ system: old, booted: old, phase: "idle", token: null });
    expect(status["last"]).toMatchObject({
      outcome: "interrupted",
      step: "waiting",
      token: "t1",
      running: old,
    });
    expect((status["last"] as { reason: string }).reason).toContain(
      `rebooted while waiting; it booted ${old}`,
    );
    expect(activate(next, "t2").json).toMatchObject({ outcome: "waiting" });
  });

  test("kill -9 of the supervisor inside the window: the old system is restored", async () => {
    activate(host.closure("next"));
    host.killMain();
    await host.idle();
    const status = host.status();
    expect(status).toMatchObject({
      system: old,
      last: { outcome: "rolled-back", step: "waiting", exitCode: 1 },
    });
    expect((status["last"] as { reason: string }).reason).toContain("terminated while waiting");
  });

  test("shutdown inside the window: the supervisor leaves it to the reboot", async () => {
    activate(host.closure("next"));
    const journal = () => host.read("fake/journal").split("\n").length;
    const before = journal();
    host.write("fake/running", "stopping\n");
    host.killMain();
    await host.until(() => journal() > before || host.exists("fake/unit"));
    host.unlink("fake/timer");
    await host.until(() => !host.exists("fake/unit"));
    expect(host.log()).toHaveLength(1);
    host.reboot();
    expect(host.status()).toMatchObject({ last: { outcome: "interrupted" } });
  });

  test("boot loader fails at commit: profile and boot default are the old ones again", async () => {
    const next = host.closure("next", { onBoot: "echo no space left on /boot; exit 1" });
    activate(next);
    const { json } = host.run(["confirm", "t1"]);
    expect(json).toMatchObject({ outcome: "rolled-back", step: "commit", running: old });
    expect(json["reason"]).toContain("no space left");
    await host.idle();
    expect([runs(), host.profile(), boots()]).toEqual([old, old, old]);
    expect(host.status()).toMatchObject({ generation: 1, confirmed: false });
  });

  test("profile cannot be set at commit: rolled back", () => {
    activate(host.closure("next"));
    host.write("fake/nix-env-fails", "");
    expect(host.run(["confirm", "t1"]).json).toMatchObject({
      outcome: "rolled-back",
      step: "commit",
      running: old,
    });
  });

  const ill: Closure = {
    checks: [["unit", "x", "x.service", "-", "-", "1"]],
    conf: { switch_seconds: 1, reboot_seconds: 0 },
  };

  test("the old system cannot be restored, and no reboot happens: the result has the running system and the first cause", () => {
    host.write(`${old}/on-test`, "#!/bin/sh\necho cannot; exit 9\n", 0o755);
    const { json } = activate(host.closure("next", ill));
    expect(json).toMatchObject({ outcome: "failed", step: "rollback", recorded: old });
    expect(json["running"]).not.toBe(old);
    expect(json["reason"]).toContain("a reboot still boots it");
    expect(json["reason"]).toContain("before that: not healthy within 0 s: x (unit x.service)");
    expect(host.log().filter((entry) => entry === `test ${old}`).length).toBeGreaterThan(1);
    expect(host.log().filter((entry) => entry === "reboot")).toHaveLength(3);
  });

  test("another switch inside the window: not committed", async () => {
    activate(host.closure("next"));
    host.link("run/current-system", host.closure("byhand"));
    expect(host.run(["confirm", "t1"]).json).toMatchObject({
      outcome: "rolled-back",
      step: "confirm",
      running: old,
    });
  });

  test("already running and booting: current without a switch, confirm stores the token", () => {
    expect(activate(old)).toMatchObject({ status: 0, json: { outcome: "current", running: old } });
    expect(host.status()).toMatchObject({ token: null });
    expect(host.run(["confirm", "t2"])).toMatchObject({ status: 2 });
    expect(host.run(["confirm", "t1"])).toMatchObject({
      status: 0,
      json: { outcome: "confirmed", running: old },
    });
    expect(host.status()).toMatchObject({ token: "t1", confirmed: true });
    expect(host.log()).toEqual([]);
  });

  test("already running but unhealthy: failed, and confirm is refused", () => {
    host.closure("installed", { checks: [["unit", "x", "x.service", "-", "-", "1"]] });
    expect(activate(old)).toMatchObject({
      status: 1,
      json: { outcome: "failed", step: "health", running: old },
    });
    expect(host.run(["confirm", "t1"])).toMatchObject({ status: 2 });
  });

  test("running but not the boot default: a real attempt that commits", () => {
    const next = host.closure("next");
    host.link("run/current-system", next);
    expect(activate(next).json).toMatchObject({ outcome: "waiting" });
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed" });
    expect(boots()).toBe(next);
  });

  test("rollback goes to the previously committed system, and back", async () => {
    expect(host.run(["rollback"])).toMatchObject({
      status: 2,
      json: { outcome: "refused", step: "rollback" },
    });
    const next = host.closure("next");
    activate(next);
    host.run(["confirm", "t1"]);
    await host.idle();
    const { json } = host.run(["rollback"]);
    expect(json).toMatchObject({ outcome: "waiting", running: old });
    expect(host.run(["confirm", String(json["token"])]).json).toMatchObject({ outcome: "confirmed" });
    await host.idle();
    expect([runs(), host.profile(), boots()]).toEqual([old, old, old]);
    expect(host.target("nix/var/nix/gcroots/pantheros-previous")).toBe(next);
  });

  test.each([
    ["not a system", "closure", (h: FakeHost) => h.closure("next").replace("next", "gone")],
    ["traversal", "arguments", () => "/nix/store/../../etc/passwd"],
    ["a file inside", "arguments", (h: FakeHost) => `${h.closure("next")}/etc`],
    ["a newline", "arguments", (h: FakeHost) => `${h.closure("next")}\n/x`],
    ["an option", "arguments", () => "--help"],
  ])("refuses %s", (_, step, system) => {
    expect(activate(system(host))).toMatchObject({ status: 2, json: { outcome: "refused", step } });
    expect(host.log()).toEqual([]);
    expect(host.phase()).toBe("idle");
    expect(host.exists("nix/var/nix/gcroots/pantheros-wanted")).toBe(false);
  });

  test.each([["run; reboot"], [""], ["-x"], ["x".repeat(65)], ["a\nb"]])("refuses the token %j", (token) => {
    expect(activate(host.closure("next"), token)).toMatchObject({
      status: 2,
      json: { outcome: "refused", step: "arguments" },
    });
  });

  test("a switch that the new system's own check forbids is refused before any change", () => {
    host.write(`${old}/switch-inhibitors`, '{"dbus":"dbus"}');
    const next = host.closure("next", {
      inhibitors: '{"dbus":"dbus"}',
      onCheck: "echo 'pre-switch check failed'; exit 1",
    });
    const { json } = activate(next);
    expect(json).toMatchObject({ outcome: "refused", step: "inhibitors" });
    expect(json["reason"]).toBe("NixOS refuses to switch to it: pre-switch check failed");
    expect(host.status()).toMatchObject({ system: old, inhibitors: { dbus: "dbus" }, last: null });
    const added = host.closure("added", { inhibitors: '{"dbus":"dbus","new":"x"}' });
    expect(activate(added).json).toMatchObject({ outcome: "waiting" });
  });

  test("an unsigned closure is refused on a host that requires signatures", () => {
    host.write(`${old}/etc/pantheros/deploy.conf`, "require_signature=true\n");
    const next = host.closure("next");
    expect(activate(next)).toMatchObject({ status: 2, json: { outcome: "refused", step: "signature" } });
    host.write("fake/signed", `${next}\n`);
    // Nix accepts a content-addressed path as signed, so `nix-store --add` would make every user root.
    host.write("fake/ca", "ca:fixed:r:sha256:0535");
    expect(activate(next)).toMatchObject({
      status: 2,
      json: { step: "signature", reason: expect.stringContaining("ca:") },
    });
    host.write("fake/ca", "ultimate");
    expect(activate(next).json).toMatchObject({ outcome: "waiting" });
  });

  test("secret: mode 0600, atomic, and never in an answer or a reason", () => {
    const value = 'op"s\\_token $x\n';
    expect(host.run(["secret", "op-token", String(value.length)], value)).toMatchObject({
      status: 0,
      stdout: "stored\n",
    });
    expect(host.read("var/lib/pantheros/secrets/op-token")).toBe(value);
    expect(host.mode("var/lib/pantheros/secrets/op-token")).toBe(0o600);
    expect(host.mode("var/lib/pantheros")).toBe(0o700);
    const leak = `cat "$PANTHEROS_ROOT/var/lib/pantheros/secrets/op-token"; echo after; exit 1`;
    const { json } = activate(host.closure("next", { onTest: leak }));
    expect(json["reason"]).toBe("***\nafter");
  });

  describe("deliveries of secrets", () => {
    const secret = (name: string, text: string) => host.run(["secret", name, String(text.length)], text);
    const file = (name: string) => `var/lib/pantheros/secrets/${name}`;
    const deliveries = () => host.status()["deliveries"];
    const [id, later] = [randomUUID(), randomUUID()];

    test("status repeats the id of a secret that is unchanged since its delivery", () => {
      secret("op-token", "first");
      expect(deliveries()).toEqual({});
      secret("op-token.mark", id);
      secret("other", "first");
      secret("other.mark", later);
      expect(deliveries()).toEqual({ "op-token": id, other: later });
      host.write(file("op-token"), "by hand");
      expect(deliveries()).toEqual({ other: later });
      secret("op-token", "second");
      secret("op-token.mark", later);
      host.unlink(file("other"));
      expect(deliveries()).toEqual({ "op-token": later });
    });

    test("a content without its mark is not a delivery, and its guess shows nothing", () => {
      secret("op-token", "first");
      secret("op-token.mark", id);
      for (const content of ["second", "first"]) {
        secret("op-token", content);
        expect(deliveries()).toEqual({});
      }
      secret("op-token.mark", later);
      expect(deliveries()).toEqual({ "op-token": later });
    });

    test("a delivery by an earlier supervisor, or by root's shell, keeps its id; a change by hand after it shows", () => {
      host.write(file("op-token"), "first");
      host.write(file("op-token.mark"), id);
      expect(deliveries()).toEqual({ "op-token": id });
      host.write(file("op-token"), "by hand");
      expect(deliveries()).toEqual({});
    });

    test.each([
      ["not an id", "a secret that is called like a mark"],
      ["more than an id", `${id}x`],
      ["a mark without its secret", id],
    ])("%s is not shown", (kind, text) => {
      if (!kind.includes("without")) secret("op-token", "first");
      secret("op-token.mark", text);
      expect(deliveries()).toEqual({});
    });
  });

  test("secret refuses bad names, nothing and too much; the old value stays", () => {
    const secret = (name: string, text: string, length = text.length) =>
      host.run(["secret", name, String(length)], text).status;
    expect(secret("op-token", "kept")).toBe(0);
    for (const name of ["../x", ".hidden", "a/b", ""]) expect(secret(name, "x")).toBe(2);
    expect(secret("op-token", "")).toBe(2);
    expect(secret("op-token", "x".repeat(65_537))).toBe(2);
    expect(secret("op-token", "cut short", 10)).toBe(2);
    expect(secret("op-token", "too long", 7)).toBe(2);
    expect(host.run(["secret", "op-token"], "no length").status).toBe(2);
    expect(host.read("var/lib/pantheros/secrets/op-token")).toBe("kept");
  });

  test("provenance: stored at the commit, for every user to read, with the previous system", async () => {
    const deployFile = () => JSON.parse(host.read("var/lib/pantheros/deploy.json")) as unknown;
    const first = host.closure("first");
    const whose = { commit: "c0ffee", dirty: true, by: "ann@desk" };
    expect(host.run(["activate", first, "t1"], `${JSON.stringify(whose)}\n`).json).toMatchObject({
      outcome: "waiting",
    });
    expect(host.exists("var/lib/pantheros/deploy.json")).toBe(false);
    const { json } = host.run(["confirm", "t1"]);
    const deployRecord = {
      ...whose,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/),
      closure: first,
      previous: old,
    };
    expect(json["deploy"]).toEqual(deployRecord);
    await host.idle();
    expect(deployFile()).toEqual(deployRecord);
    expect(host.status()["deploy"]).toEqual(deployRecord);
    expect(host.mode("var/lib/pantheros/deploy.json")).toBe(0o644);
    expect(host.mode("var/lib/pantheros")).toBe(0o711);

    // A rollback keeps it; the next commit replaces it as a whole, and keeps the previous one.
    activate(host.closure("bad", { onTest: "exit 1" }), "t2");
    expect(deployFile()).toEqual(deployRecord);
    const second = host.closure("second");
    activate(second, "t3");
    host.run(["confirm", "t3"]);
    await host.idle();
    expect(deployFile()).toEqual({ at: deployRecord.at, closure: second, previous: first });
    expect(JSON.parse(host.read("var/lib/pantheros/deploy.previous.json"))).toEqual(deployRecord);
  });

  test.each([
    ["not JSON", "hello"],
    ["nested", '{"commit":{"a":"b"}}'],
    ["numbers", '{"commit":1}'],
    ["escapes", '{"commit":"a\\"b"}'],
    ["two objects", '{"a":"b"}{"a":"b"}'],
    ["a list", '["a"]'],
    ["too much", `{"by":"${"x".repeat(5000)}"}`],
  ])("provenance is refused that is %s", (_, input) => {
    expect(host.run(["activate", host.closure("next"), "t1"], input)).toMatchObject({
      status: 2,
      json: { outcome: "refused", step: "arguments" },
    });
    expect(host.log()).toEqual([]);
  });

  test("a unit that waits for a restart after a crash is unhealthy", () => {
    const onTest = 'echo app.service >"$PANTHEROS_ROOT/fake/crashing"';
    expect(activate(host.closure("next", { onTest })).json).toMatchObject({
      outcome: "rolled-back",
      step: "health",
      reason: expect.stringContaining("app.service"),
    });
  });

  test("status on a fresh host, with units only when another system is wanted", () => {
    host.write(`${old}/etc/systemd/system/not-a-link`, "");
    host.link(`${old}/etc/systemd/system/web.service`, "/nix/store/x-unit-web.service/web.service");
    expect(host.status()).toMatchObject({
      system: old,
      generation: 1,
      confirmed: false,
      last: null,
      units: null,
    });
    expect(host.status(old)).toMatchObject({ units: null });
    expect(host.status(host.closure("next"))).toMatchObject({
      units: { "web.service": "/nix/store/x-unit-web.service/web.service" },
    });
  });

  const entry = "options init=/nix/store/aaa-nixos/init quiet\n";
  test.each<[string, Record<string, string>]>([
    [
      "systemd-boot",
      {
        "boot/loader/loader.conf": "timeout 5\ndefault nixos-generation-2.conf\n",
        "boot/loader/entries/nixos-generation-2.conf": entry,
        "boot/loader/entries/nixos-generation-1.conf": entry.replace("aaa", "bbb"),
      },
    ],
    [
      "systemd-boot on /efi",
      { "efi/loader/loader.conf": "default gen.conf\n", "efi/loader/entries/gen.conf": entry },
    ],
    [
      "grub",
      {
        "boot/grub/grub.cfg":
          'menuentry "NixOS" {\n linux ($d)/k init=/nix/store/aaa-nixos/init x\n}\nlinux k init=/nix/store/b/init\n',
      },
    ],
    [
      "extlinux",
      { "boot/extlinux/extlinux.conf": "DEFAULT nixos-default\n  APPEND init=/nix/store/aaa-nixos/init x\n" },
    ],
  ])("boot default of %s", (_, files) => {
    host.unlink("boot/pantheros-default");
    for (const [file, text] of Object.entries(files)) host.write(file, text);
    expect(host.status()).toMatchObject({ bootDefault: "/nix/store/aaa-nixos" });
  });

  test("boot default of a boot loader that the system has a program for", () => {
    const bootsOther = '#!/bin/sh\n[ "$*" = default ] && echo /nix/store/aaa-nixos\n';
    host.write(`${old}/sw/bin/pantheros-boot-loader`, bootsOther, 0o755);
    host.write("boot/extlinux/extlinux.conf", "APPEND init=/nix/store/bbb-nixos/init\n");
    expect(host.status()).toMatchObject({ bootDefault: "/nix/store/aaa-nixos" });
  });

  test("an unknown boot loader is reported as null, and does not stop a commit", () => {
    host.unlink("boot/pantheros-default");
    expect(host.status()).toMatchObject({ bootDefault: null });
    expect(activate(host.closure("next")).json).toMatchObject({ outcome: "waiting" });
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed" });
  });

  test("unknown verbs and wrong numbers of arguments are refused, help is not", () => {
    expect(host.run(["reboot"]).status).toBe(2);
    expect(host.run(["activate", "/nix/store/x"]).status).toBe(2);
    expect(host.run(["confirm"]).status).toBe(2);
    expect(host.run(["help"]).stdout).toContain("activate PATH TOKEN");
  });
});
