import {
  broken,
  hung,
  lost,
  newSystem,
  ok,
  oldSystem,
  outcomeOf,
  printed,
  refusedConnection,
  status,
  system,
  world,
} from "./fixtures.ts";

const built = ok(`${newSystem}\n`);
const waiting = ok({ outcome: "waiting", running: newSystem, token: "t1", seconds: 30, health: [] });
const health = [{ name: "web", ok: true, detail: "status 200" }];
const confirmed = ok({
  outcome: "confirmed",
  running: newSystem,
  booted: oldSystem,
  generation: 8,
  token: "t1",
  health,
});
const rolledBack = {
  outcome: "rolled-back",
  step: "activate",
  command: "switch-to-configuration test",
  exitCode: 4,
  reason: "warning: the following units failed: web.service",
  wanted: newSystem,
  recorded: oldSystem,
  running: oldSystem,
  token: "t1",
  failedUnits: [],
  health: [],
};
const prepared = { build: [built], copy: [ok()] };

test("confirmed: build, copy, activate, confirm", async () => {
  const w = world({ ...prepared, activate: [waiting], confirm: [confirmed] });
  expect(await outcomeOf(w)).toMatchObject({
    host: "web",
    outcome: "confirmed",
    running: newSystem,
    booted: oldSystem,
    generation: 8,
    health,
    token: "t1",
  });
  expect(w.kinds()).toEqual(["build", "connect", "copy", "activate", "confirm", "close"]);
});

const missing = broken(`error: path '${newSystem}' is not valid`);

test("with a key and a cache the closure is signed and pushed", async () => {
  const w = world(
    { ...prepared, sign: [missing, ok()], push: [ok()], activate: [waiting], confirm: [confirmed] },
    { signingKey: "/k" },
  );
  await outcomeOf(w, { push: "s3://cache" });
  expect(w.kinds()).toEqual([
    "sign",
    "build",
    "sign",
    "push",
    "connect",
    "copy",
    "activate",
    "confirm",
    "close",
  ]);
});

test("a system that the runner's store lacks is built before it is signed", async () => {
  const w = world(
    { ...prepared, sign: [ok()], activate: [waiting], confirm: [confirmed] },
    { signingKey: "/k" },
    (path) => path !== newSystem,
  );
  await outcomeOf(w);
  expect(w.kinds()).toEqual(["build", "sign", "connect", "copy", "activate", "confirm", "close"]);
});

test("a system in the runner's store is not built again", async () => {
  const w = world(
    { copy: [ok()], sign: [ok()], activate: [waiting], confirm: [confirmed] },
    { signingKey: "/k" },
  );
  await outcomeOf(w);
  expect(w.kinds()).toEqual(["sign", "connect", "copy", "activate", "confirm", "close"]);
});

test("a failed push is only a warning", async () => {
  const w = world({
    ...prepared,
    push: [broken("error: AccessDenied")],
    activate: [waiting],
    confirm: [confirmed],
  });
  expect(await outcomeOf(w, { push: "s3://cache" })).toMatchObject({
    outcome: "confirmed",
    warnings: ["push: error: AccessDenied"],
  });
});

test("a refused host is not connected to", async () => {
  const w = world({});
  expect(await outcomeOf(w, { refused: "its machine is also hosts.legacy" })).toMatchObject({
    outcome: "failed",
    step: "identity",
    reason: "its machine is also hosts.legacy",
  });
  expect(w.kinds()).toEqual([]);
});

test("held: no command runs", async () => {
  const w = world({});
  expect(await outcomeOf(w, { heldBy: ["canary (rolled-back)"] })).toMatchObject({
    outcome: "held",
    reason: "waits for canary (rolled-back)",
  });
  expect(w.commands).toEqual([]);
});

describe("before the activation", () => {
  test("build fails", async () => {
    const w = world({ build: [broken("error: builder for '/nix/store/x.drv' failed with exit code 2")] });
    const result = await outcomeOf(w);
    expect(result).toMatchObject({ outcome: "failed", step: "build", exitCode: 1 });
    expect(result.reason).toContain("failed with exit code 2");
    expect(result.command).toContain("nix");
    expect(result.hint).toContain("nix log");
  });

  test("the built system differs from the evaluated one", async () => {
    const w = world({ build: [ok(system("c"))] });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "failed",
      step: "build",
      reason: expect.stringContaining(system("c")),
    });
  });

  test.each([[[]], [[missing]]])("signing fails, after these attempts: %j", async (before) => {
    const w = world(
      { build: [built], sign: [...before, broken("error: opening file '/k': No such file")] },
      { signingKey: "/k" },
    );
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "failed",
      step: "sign",
      hint: expect.stringContaining("PANTHEROS_SIGNING_KEY"),
    });
  });

  test("after a connection is lost during the copy, a new one is opened once", async () => {
    const cut = broken(
      "error: Nix daemon disconnected unexpectedly (maybe it crashed?)\nTimeout, server web not responding.\n",
    );
    const w = world({ build: [built], copy: [cut, ok()], activate: [waiting], confirm: [confirmed] });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed" });
    expect(w.kinds()).toEqual([
      ...["build", "connect", "copy", "close"],
      ...["connect", "copy", "activate", "confirm", "close"],
    ]);
    expect(w.progress).toContain("web: copy again: the connection was lost");
  });

  test("a host that does not answer is failed if it is required, offline if it is best-effort", async () => {
    const w = () => world({ build: [built], connect: [refusedConnection] });
    const first = w();
    expect(await outcomeOf(first)).toMatchObject({
      outcome: "failed",
      step: "connect",
      command: "ssh -E /tmp/d/web.log -L /tmp/d/web.nix:/nix/var/nix/daemon-socket/socket -N web",
      reason: expect.stringContaining("Connection refused"),
      hint: expect.stringContaining("does not answer"),
    });
    expect(first.kinds()).toEqual(["build", "connect", "connect"]);
    expect(await outcomeOf(w(), { converge: "best-effort" })).toMatchObject({
      outcome: "offline",
      step: "connect",
    });
  });

  test("a connection that times out is not tried again", async () => {
    const w = world({ build: [built], connect: [hung] });
    const seconds = { connect: 3, probe: 4 };
    expect(await outcomeOf(w, { seconds })).toMatchObject({
      outcome: "failed",
      step: "connect",
      reason: "not finished after 7 s",
    });
    expect(w.kinds()).toEqual(["build", "connect"]);
  });

  test("copy: if sshd does not forward the daemon's socket, Nix opens its own connection, with a warning", async () => {
    const refused = broken(
      "error: Nix daemon disconnected unexpectedly\nchannel 2: open failed: connect failed: open failed\n",
    );
    const w = world({ build: [built], copy: [refused, ok()], activate: [waiting], confirm: [confirmed] });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "confirmed",
      warnings: [expect.stringContaining("AllowStreamLocalForwarding")],
    });
    const copies = w.commands.filter(({ argv }) => argv.includes("copy"));
    expect(copies.map(({ argv }) => argv.at(-2))).toEqual(["unix:///tmp/d/web.nix", "ssh-ng://web"]);
    expect(w.kinds().filter((kind) => kind === "connect")).toHaveLength(1);
  });

  test("pinned: nothing is built or copied, and a host that cannot be reached fails before the activation", async () => {
    const back = { drvPath: undefined };
    const w = world({ activate: [waiting], confirm: [confirmed] });
    expect(await outcomeOf(w, back)).toMatchObject({ outcome: "confirmed" });
    expect(w.kinds()).toEqual(["connect", "activate", "confirm", "close"]);
    const away = world({ connect: [refusedConnection] });
    expect(await outcomeOf(away, back)).toMatchObject({ outcome: "failed", step: "connect" });
  });

  test("copy: a cache that the host cannot use is a warning, and the runner sends everything", async () => {
    const away = broken(
      "warning: error: unable to download 'http://cache/x.narinfo': Connection timed out; retrying in 294 ms\n" +
        "error: Nix daemon disconnected unexpectedly (maybe it crashed?)",
    );
    const w = world({ build: [built], copy: [away, ok()], activate: [waiting], confirm: [confirmed] });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "confirmed",
      warnings: [expect.stringMatching(/^cache: web says: unable to download .*timed out/)],
    });
    const copies = w.commands.filter(({ argv }) => argv.includes("copy"));
    expect(copies.map(({ argv }) => argv.includes("--substitute-on-destination"))).toEqual([true, false]);
  });

  test("copy: substitution has its own time limit", async () => {
    const w = world({ build: [built], copy: [hung, ok()], activate: [waiting], confirm: [confirmed] });
    expect(await outcomeOf(w, { seconds: { substitute: 7 } })).toMatchObject({
      outcome: "confirmed",
      warnings: ["cache: not done after 7 s; the rest was copied"],
    });
  });

  test("copy: a cache's connection error does not make the host offline", async () => {
    const cache = "warning: error: unable to download 'http://cache/x': Connection refused\n";
    const w = world({ build: [built], copy: [broken(`${cache}error: no space left on device`)] });
    expect(await outcomeOf(w, { converge: "best-effort" })).toMatchObject({
      outcome: "failed",
      step: "copy",
    });
  });

  test("copy: a copy that hangs is ended at its limit", async () => {
    const w = world({ build: [built], copy: [hung] });
    expect(await outcomeOf(w, { seconds: { copy: 9 } })).toMatchObject({
      outcome: "failed",
      step: "copy",
      reason: "not finished after 9 s",
    });
    expect(w.kinds()).toEqual(["build", "connect", "copy", "close"]);
  });

  test.each([
    ["connect", "Host key verification failed.", "another host key"],
    ["connect", "deploy@web: Permission denied (publickey).", "does not accept this key"],
    ["copy", "error: cannot add path '/nix/store/x' because it lacks a signature by a trusted key", "signed"],
    ["copy", "error: writing to file: No space left on device", "disk is full"],
  ])("%s: %s is not tried again, and has its own hint", async (step, stderr, hint) => {
    const w = world({ build: [built], copy: [broken(stderr)], [step]: [broken(stderr)] });
    const failure = { outcome: "failed", step, hint: expect.stringContaining(hint) };
    expect(await outcomeOf(w)).toMatchObject(failure);
    expect(w.kinds()).toEqual(step === "copy" ? ["build", "connect", "copy", "close"] : ["build", "connect"]);
  });
});

describe("activation", () => {
  test("fails on the host: rolled back, with the reason, and the running system is read again", async () => {
    const w = world({
      ...prepared,
      activate: [printed(rolledBack, 1)],
      status: [ok(status({ generation: 7 }))],
    });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "rolled-back",
      step: "activate",
      exitCode: 4,
      running: oldSystem,
      generation: 7,
      reason: rolledBack.reason,
      command: rolledBack.command,
    });
    expect(w.kinds()).toEqual(["build", "connect", "copy", "activate", "status", "close"]);
  });

  test("a health check fails: every check is reported", async () => {
    const ill = [{ name: "web", ok: false, detail: "status 502" }];
    const line = { ...rolledBack, step: "health", health: ill };
    const w = world({ ...prepared, activate: [printed(line, 1)], status: [lost] });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "rolled-back",
      step: "health",
      health: ill,
      running: oldSystem,
    });
  });

  test("the rollback fails: failed, with the system that runs", async () => {
    const line = { ...rolledBack, outcome: "failed", step: "rollback", running: newSystem };
    const w = world({
      ...prepared,
      activate: [printed(line, 1)],
      status: [ok(status({ system: newSystem }))],
    });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "failed", step: "rollback", running: newSystem });
  });

  test("units that stay down after the rollback are in the reason", async () => {
    const w = world({
      ...prepared,
      activate: [printed({ ...rolledBack, missingUnits: ["db.service"] }, 1)],
      status: [lost],
    });
    expect((await outcomeOf(w)).reason).toContain("still not running after the rollback: db.service");
  });

  describe("another activation is under way", () => {
    const busy = printed(
      { outcome: "refused", step: "busy", exitCode: 2, reason: "another activation is under way" },
      2,
    );
    const other = ok(
      status({ phase: "checking", activation: { token: "t0", wanted: oldSystem, recorded: oldSystem } }),
    );
    const ours = ok(
      status({ phase: "waiting", activation: { token: "t1", wanted: newSystem, recorded: oldSystem } }),
    );
    const idle = ok(status());

    test("the deploy waits for its end, and then activates", async () => {
      const w = world({
        ...prepared,
        activate: [busy, waiting],
        status: [idle, other, other, idle],
        confirm: [confirmed],
      });
      expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed", running: newSystem });
      expect(w.kinds().slice(3)).toEqual([
        "activate",
        ...["status", "status", "status", "status"],
        ...["activate", "confirm", "close"],
      ]);
    });

    test("the same deploy's window, left open by an interrupted run, is confirmed first", async () => {
      const w = world({
        ...prepared,
        activate: [busy, confirmed],
        status: [idle, ours, idle],
        confirm: [confirmed, confirmed],
      });
      expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed", running: newSystem });
      expect(w.kinds().slice(3)).toEqual([
        "activate",
        "status",
        "status",
        "confirm",
        "status",
        "activate",
        "confirm",
        "close",
      ]);
    });

    test("that does not end: failed with a hint, and the host is asked once more at most", async () => {
      const w = world({ ...prepared, activate: [busy], status: [idle, other] });
      expect(await outcomeOf(w)).toMatchObject({
        outcome: "failed",
        step: "busy",
        running: oldSystem,
        reason: expect.stringMatching(/^another activation is under way; it has not ended within \d+ s$/),
        hint: expect.stringContaining("wait for its end"),
      });
      expect(w.kinds().filter((kind) => kind === "activate")).toHaveLength(1);
    });
  });

  test.each([
    ["sudo: a password is required", "sudo rule"],
    ["sudo: /run/current-system/sw/bin/pantheros-supervisor: command not found", "no pantheros-supervisor"],
  ])("%s: failed with a hint", async (stderr, hint) => {
    const w = world({ ...prepared, activate: [broken(stderr)] });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "failed",
      step: "activate",
      hint: expect.stringContaining(hint),
    });
  });

  test("current: nothing is switched, and the token is confirmed", async () => {
    const w = world({
      ...prepared,
      activate: [ok({ outcome: "current", running: newSystem })],
      confirm: [confirmed],
    });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed" });
  });
});

describe("a connection lost during the activation", () => {
  const underWay = status({
    system: newSystem,
    confirmed: false,
    phase: "waiting",
    activation: { token: "t1", wanted: newSystem, recorded: oldSystem },
  });

  test("the confirmation window is still open: confirmed", async () => {
    const switching = { ...underWay, phase: "switching" };
    const w = world({
      ...prepared,
      activate: [lost],
      status: [refusedConnection, ok(switching), ok(underWay)],
      confirm: [confirmed],
    });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed" });
    expect(w.kinds()).toEqual([
      "build",
      "connect",
      "copy",
      "activate",
      "status",
      "status",
      "status",
      "confirm",
      "close",
    ]);
    // Steps that prove that the host is reachable use a connection of their own.
    const sockets = w.commands.map(({ argv }) => argv.find((word) => word.startsWith("ControlPath=")));
    const alone = "ControlPath=none";
    const shared = "ControlPath=/tmp/d/web.ssh";
    expect(sockets.slice(3)).toEqual([shared, alone, alone, alone, alone, shared]);
  });

  test("the activation ended meanwhile: the host's result is reported", async () => {
    const w = world({ ...prepared, activate: [lost], status: [ok(status({ last: rolledBack as never }))] });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "rolled-back",
      step: "activate",
      running: oldSystem,
    });
  });

  test("the activation did not begin: it is started again, once", async () => {
    const w = world({ ...prepared, activate: [lost, waiting], status: [ok(status())], confirm: [confirmed] });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed" });
    const twice = world({ ...prepared, activate: [lost], status: [ok(status())] });
    expect(await outcomeOf(twice)).toMatchObject({
      outcome: "failed",
      step: "activate",
      running: oldSystem,
      reason: expect.stringContaining("did not begin"),
    });
    expect(twice.kinds().filter((kind) => kind === "activate")).toHaveLength(2);
  });

  test("the result of an earlier deploy is not used for this one", async () => {
    const earlier = status({ last: { ...rolledBack, token: "t0" } as never });
    const w = world({ ...prepared, activate: [lost, waiting], status: [ok(earlier)], confirm: [confirmed] });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed" });
  });

  test("a different deploy has the host: it is waited for, and not confirmed", async () => {
    const others = { ...underWay, activation: { token: "t9", wanted: newSystem, recorded: oldSystem } };
    const w = world({ ...prepared, activate: [lost], status: [ok(others), ok(others), ok(status())] });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "failed", step: "activate" });
    expect(w.kinds()).not.toContain("confirm");
  });

  test("the host never answers again: the wait is bounded, and the running system is unknown", async () => {
    const w = world({ ...prepared, activate: [lost], status: [hung] });
    const result = await outcomeOf(w);
    expect(result).toMatchObject({
      outcome: "failed",
      step: "confirm",
      reason: expect.stringContaining("has not answered for"),
    });
    expect(result.running).toBeUndefined();
  });

  test("a supervisor's line that was cut short counts as a lost connection, not as an answer", async () => {
    const cut = { ...lost, stdout: '{"outcome":"wait' };
    const w = world({ ...prepared, activate: [cut], status: [ok(underWay)], confirm: [confirmed] });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed" });
  });
});

describe("a port that changes", () => {
  const moving = { port: 2222, formerPort: 22, currentPort: 22 };
  const portsBy = (w: ReturnType<typeof world>) =>
    w.commands.flatMap(({ argv }, at) => {
      const word = argv.find((each) => each.startsWith("Port="));
      return word === undefined ? [] : [`${w.kinds()[at]} ${word}`];
    });

  test("everything before the activation uses the running system's port, the confirmation the new one", async () => {
    const w = world({ ...prepared, activate: [waiting], confirm: [confirmed] });
    expect(await outcomeOf(w, moving)).toMatchObject({ outcome: "confirmed" });
    expect(portsBy(w)).toEqual(["connect Port=22", "activate Port=22", "confirm Port=2222"]);
  });

  test("a new port that is not reached is never confirmed, and the rollback is seen at the former one", async () => {
    const back = status({ last: { ...rolledBack, step: "confirm", reason: "nobody confirmed" } as never });
    const w = world({
      ...prepared,
      activate: [waiting],
      confirm: [refusedConnection],
      status: [refusedConnection, ok(back)],
    });
    expect(await outcomeOf(w, moving)).toMatchObject({ outcome: "rolled-back", running: oldSystem });
    expect(portsBy(w).slice(2, 5)).toEqual(["confirm Port=2222", "status Port=2222", "status Port=22"]);
  });

  test("a pinned system from before the change is confirmed at the former port", async () => {
    const open = status({
      system: newSystem,
      confirmed: false,
      phase: "waiting",
      activation: { token: "t1", wanted: newSystem, recorded: oldSystem },
    });
    const w = world({
      activate: [waiting],
      confirm: [refusedConnection, confirmed],
      status: [refusedConnection, ok(open)],
    });
    const pinned = { port: 2222, formerPort: 22, drvPath: undefined };
    expect(await outcomeOf(w, pinned)).toMatchObject({ outcome: "confirmed" });
    expect(portsBy(w).filter((line) => line.startsWith("confirm"))).toEqual([
      "confirm Port=2222",
      "confirm Port=22",
    ]);
  });
});

describe("confirmation", () => {
  test("the new system cannot be reached: the host is polled until it reports its rollback", async () => {
    const gone = status({
      last: { ...rolledBack, step: "confirm", reason: "nobody confirmed within 30 s" } as never,
    });
    const w = world({
      ...prepared,
      activate: [waiting],
      confirm: [refusedConnection],
      status: [refusedConnection, hung, ok(gone)],
    });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "rolled-back",
      step: "confirm",
      reason:
        "nobody confirmed within 30 s\nfrom here: ssh: connect to host 203.0.113.10 port 22: Connection refused",
      running: oldSystem,
      hint: expect.stringContaining("does not answer on this address"),
    });
  });

  test("a confirmation that fails inside the window is repeated", async () => {
    const open = status({
      system: newSystem,
      confirmed: false,
      phase: "waiting",
      activation: { token: "t1", wanted: newSystem, recorded: oldSystem },
    });
    const w = world({ ...prepared, activate: [waiting], confirm: [lost, confirmed], status: [ok(open)] });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed" });
  });

  test("the answer is lost, but the host has committed: confirmed", async () => {
    const done = status({ system: newSystem, token: "t1", generation: 8 });
    const w = world({ ...prepared, activate: [waiting], confirm: [lost], status: [ok(done)] });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "confirmed", running: newSystem, generation: 8 });
  });

  test("refused after the window: the host's result is read and reported", async () => {
    const refused = printed({ outcome: "refused", step: "confirm", reason: "rolling-back" }, 2);
    const w = world({
      ...prepared,
      activate: [waiting],
      confirm: [refused],
      status: [ok(status({ last: rolledBack as never }))],
    });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "rolled-back", running: oldSystem });
  });

  test("the machine rebooted inside the window: rolled back to the old system", async () => {
    const line = {
      ...rolledBack,
      outcome: "interrupted",
      step: "waiting",
      reason: "the machine rebooted while waiting",
    };
    const w = world({
      ...prepared,
      activate: [waiting],
      confirm: [lost],
      status: [lost, ok(status({ last: line as never }))],
    });
    expect(await outcomeOf(w)).toMatchObject({ outcome: "rolled-back", step: "waiting", running: oldSystem });
  });

  test("the commit fails on the host: rolled back at commit", async () => {
    const line = { ...rolledBack, step: "commit", reason: "no space left on /boot" };
    const w = world({
      ...prepared,
      activate: [waiting],
      confirm: [printed(line, 1)],
      status: [ok(status())],
    });
    expect(await outcomeOf(w)).toMatchObject({
      outcome: "rolled-back",
      step: "commit",
      hint: expect.stringContaining("/boot"),
    });
  });
});

describe("a machine that was never managed", () => {
  const words = (w: ReturnType<typeof world>, kind: string) => {
    const found = w.commands[w.kinds().indexOf(kind)];
    return found === undefined ? "" : [...found.argv, found.env?.["NIX_SSHOPTS"] ?? ""].join(" ");
  };

  test("root copies and activates; the deploy user confirms on the new system", async () => {
    const w = world({ ...prepared, activate: [waiting], confirm: [confirmed] });
    expect(await outcomeOf(w, { managed: false })).toMatchObject({ outcome: "confirmed" });
    expect(words(w, "copy")).toMatch(/--no-check-sigs/);
    expect(words(w, "activate")).toMatch(
      /User=root.* -- \/nix\/store\/b{32}-[^ ]+\/sw\/bin\/pantheros-supervisor activate/,
    );
    expect(words(w, "confirm")).toMatch(
      /User=deploy.* -- sudo -n \/run\/current-system\/sw\/bin\/pantheros-supervisor confirm t1/,
    );
  });

  test("after its rollback root reads the status, since the old system has no deploy user", async () => {
    const noSuchUser = broken("deploy@203.0.113.10: Permission denied (publickey).", 255);
    const w = world({
      ...prepared,
      activate: [waiting],
      confirm: [noSuchUser],
      status: [noSuchUser, ok(status({ last: rolledBack as never }))],
    });
    expect(await outcomeOf(w, { managed: false })).toMatchObject({
      outcome: "rolled-back",
      running: oldSystem,
    });
    const users = w.commands
      .filter((_, at) => w.kinds()[at] === "status")
      .map(({ argv }) => argv.find((word) => word.startsWith("User=")));
    expect(users.slice(0, 2)).toEqual(["User=deploy", "User=root"]);
  });
});

test("the result has the time of each step", async () => {
  const w = world({ ...prepared, activate: [waiting], confirm: [confirmed] });
  expect((await outcomeOf(w)).seconds).toEqual({
    build: 0.1,
    connect: 0.1,
    copy: 0.1,
    activate: 0.1,
    confirm: 0.1,
  });
  expect(w.progress).toEqual(
    ["build", "connect", "copy", "activate", "confirm"].map((step) => `web: ${step}`),
  );
});
