/** Regressions of the promise that a deploy cannot break a machine and that its result is true. */
import { createHash, randomUUID } from "node:crypto";
import { type Closure, FakeHost } from "./fake-host.ts";

jest.setTimeout(120_000);

const lock = '"$PANTHEROS_ROOT/run/nixos/switch-to-configuration.lock"';
const short = { switch_seconds: 1, reboot_seconds: 0 };
const unhealthy: Closure = { checks: [["command", "sums", "echo no; exit 1", "-", "-", "5"]] };

let host: FakeHost;
let old: string;
beforeEach(() => {
  host = new FakeHost("/bin/dash");
  old = host.installed();
});
afterEach(() => host.remove());

const activate = (system: string, token = "t1") => host.run(["activate", system, token]);
const runs = () => host.target("run/current-system");
const onOld = (action: string, text: string) =>
  host.write(`${old}/on-${action}`, `#!/bin/sh\n${text}\n`, 0o755);
const last = () => host.status()["last"] as Record<string, unknown>;

describe("a rollback", () => {
  test("waits for another switch, and keeps the first cause", () => {
    host.write("run/nixos/switch-to-configuration.lock", "");
    onOld("test", `flock -n ${lock} true || { echo "Could not acquire lock"; exit 1; }`);
    const onTest = `setsid flock ${lock} sleep 3 >/dev/null 2>&1 & sleep 0.2`;
    const { json } = activate(host.closure("next", { ...unhealthy, onTest }));
    expect(json).toMatchObject({ outcome: "rolled-back", step: "health", running: old });
    expect(json["reason"]).toContain("sums (command");
  });

  test("is repeated until the old system's switch succeeds", () => {
    const counter = '"$PANTHEROS_ROOT/fake/tries"';
    onOld("test", `echo x >>${counter}; [ "$(wc -l <${counter})" -ge 3 ]`);
    expect(activate(host.closure("next", unhealthy)).json).toMatchObject({
      outcome: "rolled-back",
      running: old,
    });
    expect(host.read("fake/tries")).toBe("x\nx\nx\n");
  });

  test("reboots into the old system as the last resort, and keeps the first cause", async () => {
    onOld("test", "echo cannot; exit 9");
    const next = host.closure("next", { ...unhealthy, conf: { ...short, reboot_seconds: 60 } });
    host.start(["activate", next, "t1"]);
    await host.until(() => host.log().includes("reboot"));
    expect(host.status()).toMatchObject({ phase: "returning", system: next, bootDefault: old });
    await host.cycle();
    host.run(["resume"]);
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "health", running: old });
  });

  test("starts only after all processes of the activation have ended", async () => {
    const pid = '"$PANTHEROS_ROOT/fake/forward.pid"';
    const next = host.closure("next", {
      onTest: `trap "" TERM; echo $$ >${pid}; ln -sfn changed "$PANTHEROS_ROOT/run/current-system"; while :; do sleep 0.1; done`,
    });
    const state = `$(sed -n 's/^State:.//p' "/proc/$(cat ${pid})/status" 2>/dev/null)`;
    onOld(
      "test",
      `case ${state} in '' | Z*) ;; *) echo "alive: ${state}" >>"$PANTHEROS_ROOT/fake/forward" ;; esac`,
    );
    host.start(["activate", next, "t1"]);
    await host.until(() => host.exists("fake/forward.pid"));
    host.stopUnit();
    await host.idle();
    expect(host.exists("fake/forward")).toBe(false);
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "switching", running: old });
  });

  test("continues after it is killed or stopped", async () => {
    onOld(
      "test",
      'echo x >>"$PANTHEROS_ROOT/fake/back"; [ "$(wc -l <"$PANTHEROS_ROOT/fake/back")" -ge 3 ] || sleep 60',
    );
    host.start(["activate", host.closure("next", unhealthy), "t1"]);
    await host.until(() => host.read("fake/back") === "x\n");
    host.killMain();
    await host.until(() => host.read("fake/back") === "x\nx\n");
    host.stopUnit();
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "health", running: old });
  });

  test.each([
    ["its switch fails", "ln -sfn $OLD $PANTHEROS_ROOT/run/current-system; echo half; exit 2", /half/],
    [
      "its units do not serve",
      'echo nginx.service >"$PANTHEROS_ROOT/fake/serving"; chmod 444 "$PANTHEROS_ROOT/fake/serving"; rm -f "$PANTHEROS_ROOT/fake/bin/start"',
      /sshd.service/,
    ],
  ])("is not reported as rolled back when %s", (_, text, reason) => {
    onOld("test", `OLD=${old}\n${text}`);
    const fake = host.read("fake/bin/systemctl").replace('echo "$u" >>"$R/fake/serving"', ":");
    host.write("fake/bin/systemctl", fake, 0o755);
    const { json } = activate(host.closure("next", { ...unhealthy, conf: short }));
    expect(json).toMatchObject({ outcome: "failed", step: "rollback", running: old });
    expect(json["reason"]).toMatch(reason);
    expect(json["reason"]).toContain("before that: not healthy");
    expect(host.log()).not.toContain("reboot"); // it can be deployed to
  });

  test("is not reported as rolled back while the deploy user cannot log in: the machine reboots", () => {
    host.write(`${old}/etc/ssh/authorized_keys.d/root`, "the fleet's key\n");
    host.write("etc/ssh/authorized_keys.d/root", "the fleet's key\n");
    const onTest = 'echo nobody >"$PANTHEROS_ROOT/etc/ssh/authorized_keys.d/root"';
    const next = host.closure("next", { ...unhealthy, onTest, conf: short });
    expect(activate(next).json).toMatchObject({
      outcome: "failed",
      step: "rollback",
      reason: expect.stringContaining("did not reboot"),
    });
    expect(host.log().filter((entry) => entry === "reboot")).toHaveLength(3);
    onOld("test", 'echo "the fleet\'s key" >"$PANTHEROS_ROOT/etc/ssh/authorized_keys.d/root"');
    expect(activate(next, "t2").json).toMatchObject({ outcome: "rolled-back", running: old });
  });

  test("ignores transient units, and names each missing unit", () => {
    host.write("fake/serving", "somebodys.service\nsshd.service\nnginx.service\n");
    const stops = (kept: string) => `printf '${kept}' >"$PANTHEROS_ROOT/fake/serving"`;
    const first = host.closure("first", { ...unhealthy, onTest: stops("sshd.service\\nnginx.service\\n") });
    expect(activate(first).json).toMatchObject({ outcome: "rolled-back", missingUnits: [] });
    const fake = host.read("fake/bin/systemctl").replace('echo "$u" >>"$R/fake/serving"', ":");
    host.write("fake/bin/systemctl", fake, 0o755);
    const second = host.closure("second", { ...unhealthy, onTest: stops("x.service\\n"), conf: short });
    const { json } = activate(second, "t2");
    expect(json).toMatchObject({ outcome: "failed", missingUnits: ["sshd.service", "nginx.service"] });
  });

  test("through a reboot, does not wait for a profile that cannot be changed: the old system boots", async () => {
    const conf = { reboot: "allow", switch_seconds: 1, reboot_seconds: 60 };
    const next = host.closure("next", { ...unhealthy, kernel: "linux-6.13", conf });
    const reboots = () => host.log().filter((entry) => entry === "reboot").length;
    activate(next);
    await host.until(() => reboots() === 1);
    host.write("fake/nix-env-fails", "");
    await host.cycle();
    host.run(["resume"]);
    await host.until(() => reboots() === 2);
    expect(host.target("boot/pantheros-default")).toBe(old);
    await host.cycle();
    host.unlink("fake/nix-env-fails");
    host.run(["resume"]);
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "health", running: old });
    expect(host.profile()).toBe(old);
  });

  test("restores the confirmed system, not the running one", () => {
    activate(old, "t0");
    host.run(["confirm", "t0"]);
    host.link("run/current-system", host.closure("byhand"));
    const { json } = activate(host.closure("next", unhealthy));
    expect(json).toMatchObject({ outcome: "rolled-back", recorded: old, running: old });
  });

  test("without a confirmed system, restores the boot default", () => {
    host.link("run/current-system", host.closure("byhand"));
    expect(activate(host.closure("next", unhealthy)).json).toMatchObject({
      outcome: "rolled-back",
      running: old,
    });
  });

  test("is not reported for the confirmed system itself when it is unhealthy", () => {
    activate(old, "t0");
    host.run(["confirm", "t0"]);
    host.link("run/current-system", host.closure("byhand"));
    host.closure("installed", unhealthy);
    expect(activate(old).json).toMatchObject({ outcome: "failed", step: "health", running: old });
  });
});

describe("the files of a commit", () => {
  test("a commit that is killed between its writes is finished, and rollback has the previous system", async () => {
    const first = host.closure("first");
    activate(first, "t1");
    host.run(["confirm", "t1"]);
    await host.idle();
    const second = host.closure("second");
    activate(second, "t2");
    host.write("var/lib/pantheros/committed.new/in-the-way", ""); // `committed` cannot be written
    host.start(["confirm", "t2"]);
    await host.until(() => host.phase() === "committed");
    host.killMain();
    expect(host.status()).toMatchObject({ phase: "committed", confirmed: false });
    host.discard("var/lib/pantheros/committed.new");
    await host.idle();
    expect(host.status()).toMatchObject({ confirmed: true, token: "t2", system: second, profile: second });
    expect(host.target("nix/var/nix/gcroots/pantheros-previous")).toBe(first);
    expect(JSON.parse(host.read("var/lib/pantheros/deploy.previous.json"))).toMatchObject({ closure: first });
  });

  test("a result that cannot be written is not replaced by an earlier one", async () => {
    const first = host.closure("first");
    activate(first, "t1");
    host.run(["confirm", "t1"]);
    await host.idle();
    host.unlink("var/lib/pantheros/last");
    host.write("var/lib/pantheros/last/in-the-way", "");
    const ended = activate(host.closure("next", unhealthy), "t2");
    expect(ended).toMatchObject({
      status: 1,
      json: { outcome: "failed", step: "result", token: "t2", running: first },
    });
    expect(host.status()).toMatchObject({ phase: "idle", system: first, confirmed: true, token: "t1" });
    expect(last()).toMatchObject({ outcome: "failed", step: "result", token: "t2" });
  });

  test("a confirmation that cannot be written is refused at once, and the old system is restored", async () => {
    activate(host.closure("next", { conf: { confirm_seconds: 2 } }));
    host.link("var/lib/pantheros/confirm", "/dev/full");
    expect(host.run(["confirm", "t1"])).toMatchObject({
      status: 2,
      json: { outcome: "refused", step: "state" },
    });
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "confirm", running: old });
  });

  test("a record that cannot be written in the window: rolled back, and reported when it can be written", async () => {
    const next = host.closure("next");
    activate(next);
    for (const file of ["record", "last", "failure"]) host.link(`var/lib/pantheros/${file}.new`, "/dev/full");
    host.start(["confirm", "t1"]);
    await host.until(() => runs() === old);
    expect(host.target("boot/pantheros-default")).toBe(old);
    for (const file of ["record", "last", "failure"]) host.unlink(`var/lib/pantheros/${file}.new`);
    await host.idle();
    expect(host.status()).toMatchObject({
      system: old,
      profile: old,
      confirmed: false,
      last: { outcome: "rolled-back" },
    });
  });

  test("when nothing can be written and the supervisor is killed, it still rolls back", async () => {
    activate(host.closure("next"));
    for (const file of ["record", "last", "failure"]) host.link(`var/lib/pantheros/${file}.new`, "/dev/full");
    host.discard("var/lib/pantheros/lock");
    host.write("var/lib/pantheros/lock/in-the-way", "");
    host.killMain();
    await host.until(() => runs() === old);
    for (const file of ["record", "last", "failure"]) host.unlink(`var/lib/pantheros/${file}.new`);
    await host.idle();
    expect(last()).toMatchObject({ outcome: "rolled-back", step: "waiting", running: old });
  });

  test("on a full disk the reserved room is used", async () => {
    const next = host.closure("next");
    activate(next);
    expect(host.read("var/lib/pantheros/reserve").length).toBeGreaterThan(100_000);
    // Full until a file is removed.
    const file = "var/lib/pantheros/record.new";
    host.link(file, "/dev/full");
    const fake = `#!/bin/sh\ncase $* in *reserve*) /bin/rm -f "$PANTHEROS_ROOT/${file}" ;; esac\nexec /bin/rm "$@"\n`;
    host.write("fake/bin/rm", fake, 0o755);
    expect(host.run(["confirm", "t1"]).json).toMatchObject({ outcome: "confirmed", running: next });
    await host.idle();
  });
});

describe("secrets", () => {
  const deliver = (name: string, text: string) => host.run(["secret", name, String(text.length)], text);
  const reason = (script: string): string =>
    String(activate(host.closure("next", { onTest: `${script}; exit 1` })).json["reason"]);
  const long = Array.from({ length: 852 }, (_, i) =>
    String.fromCharCode(97 + ((i * 7 + Math.floor(i / 26)) % 26)),
  ).join("");
  const file = '"$PANTHEROS_ROOT/var/lib/pantheros/secrets/token"';
  const pieces = (text: string) =>
    Array.from({ length: long.length - 7 }, (_, at) => long.slice(at, at + 8)).filter((piece) =>
      text.includes(piece),
    );

  test.each([
    ["cut at its start by the length of a reason", `cat ${file}; head -c 1800 /dev/zero | tr '\\0' -`],
    ["cut at its end", `head -c 500 ${file}`],
    ["wrapped", `fold -w 60 ${file}`],
    ["in quotes and between words", `printf 'token="%s" is wrong' "$(cat ${file})"`],
  ])("a secret that is %s is masked", (_, script) => {
    deliver("token", long);
    expect(pieces(reason(script))).toEqual([]);
  });

  test("the words around a secret stay, and a short one is masked as a whole", () => {
    deliver("token", "hunter2\n");
    expect(reason("echo the password hunter2 is hunting")).toBe("the password *** is hunting");
  });

  /** Forms in which a text contains a secret, or a value that confirms a guess of it. */
  function tracesOf(secret: string, text: string): string[] {
    const contents = [secret, secret.trimEnd(), `${secret}\n`];
    const forms = contents.flatMap((content) => [
      ["plain", content],
      ["base64", Buffer.from(content).toString("base64")],
      ["hex", Buffer.from(content).toString("hex")],
      ...["md5", "sha1", "sha256", "sha512"].flatMap((name) => {
        const sum = createHash(name).update(content).digest();
        return (["hex", "base64", "base64url"] as const).map((form) => [
          `${name} ${form}`,
          sum.toString(form),
        ]);
      }),
    ]);
    const folded = text.toLowerCase();
    return forms.flatMap(([form, value = ""]) => (folded.includes(value.toLowerCase()) ? [form ?? ""] : []));
  }

  test("no answer has a secret, a sum of one, or its length; a probe key does not even get ids", async () => {
    const secrets = { weak: "hunter2", token: `ops_${"x7Qz".repeat(20)}\n` };
    const ids = { weak: randomUUID(), token: randomUUID() };
    const answers: string[] = [];
    const ask = (verb: string[], input?: string) => {
      const { stdout } = host.run(verb, input);
      answers.push(stdout);
      return stdout;
    };
    for (const name of ["weak", "token"] as const) {
      ask(["secret", name, String(secrets[name].length)], secrets[name]);
      ask(["secret", `${name}.mark`, "36"], ids[name]);
    }
    expect(host.status()).toMatchObject({ version: 3, deliveries: ids });
    const sums = 'cd "$PANTHEROS_ROOT/var/lib/pantheros/secrets"; sha256sum *';
    const next = host.closure("next", { onTest: `${sums}; exit 1` });
    activate(next);
    await host.idle();
    expect(last()["reason"]).toContain("weak.mark");
    const probes = [["probe"], ["probe", next], ["probe", old]].map((verb) => ask(verb));
    for (const probe of probes) {
      expect(JSON.parse(probe)).not.toHaveProperty("deliveries");
      for (const id of Object.values(ids)) expect(tracesOf(id, probe)).toEqual([]);
    }
    activate(host.closure("good"), "t2");
    for (const verb of [["probe"], ["confirm", "t2"], ["help"], ["anything"]]) ask(verb);
    await host.idle();
    for (const verb of [["probe"], ["status"]]) ask(verb);
    for (const secret of Object.values(secrets)) expect(tracesOf(secret, answers.join("\n"))).toEqual([]);
    // Whatever the secrets are, the answer to a probe key is the same.
    const before = ask(["probe"]);
    host.run(["secret", "weak", "3"], "abc");
    expect(ask(["probe"])).toBe(before);
  });

  test("the search for traces of a secret finds each form of it", () => {
    const secret = "hunter2\n";
    const sum = (name: string, text = secret) => createHash(name).update(text).digest();
    for (const [text, form] of [
      ["x hunter2 x", "plain"],
      [Buffer.from(secret).toString("base64"), "base64"],
      [sum("sha256").toString("hex").toUpperCase(), "sha256 hex"],
      [sum("sha256", "hunter2").toString("base64"), "sha256 base64"],
      [sum("md5").toString("hex"), "md5 hex"],
    ] as const) {
      expect([form, tracesOf(secret, `{"a":"${text}"}`)]).toEqual([form, expect.arrayContaining([form])]);
    }
    expect(tracesOf(secret, "hunter3")).toEqual([]);
  });

  test("the result of another program's form is left out of the answer to a probe key as a whole", () => {
    const reason = "internal";
    for (const text of [`{"outcome":"failed","reason":"${reason}"}`, `{"reason":"${reason}"}`, reason]) {
      host.write("var/lib/pantheros/last", `${text}\n`);
      const { json, stdout } = host.run(["probe"]);
      expect(json["last"]).toBeNull();
      expect(stdout).not.toContain(reason);
    }
  });

  test("the answer to a probe key has no text of a failure", async () => {
    activate(host.closure("next", { onTest: 'echo \'internal: \\"wanted\\":\\"x\\"\'; exit 1' }), "t1");
    await host.idle();
    expect(last()["reason"]).toContain("internal");
    const answer = host.run(["probe"]);
    expect(answer.json["last"]).toEqual({
      ...{ outcome: "rolled-back", step: "activate", token: "t1" },
      wanted: last()["wanted"],
    });
    expect(answer.stdout).not.toContain("internal");
    const { deliveries: _, ...status } = host.status();
    expect({ ...answer.json, last: null }).toEqual({ ...status, last: null });
  });
});

describe("checks of a system and its machine", () => {
  const conf = (text: string) => host.write(`${old}/etc/pantheros/deploy.conf`, text);

  test("only the fleet's own keys count on a host that has them", () => {
    const nix = host.read("fake/bin/nix").replace("case $* in", 'echo "$*" >>"$R/fake/nix.log"\ncase $* in');
    host.write("fake/bin/nix", nix, 0o755);
    conf("require_signature=true\ntrusted_keys=fleet-1:AAAA= web-1:BBBB==\n");
    const next = host.closure("next");
    host.write("fake/signed", `${next}\n`);
    expect(activate(next).json).toMatchObject({ outcome: "waiting" });
    expect(host.read("fake/nix.log")).toContain(
      "--option trusted-public-keys fleet-1:AAAA= web-1:BBBB== store verify",
    );
  });

  test.each([
    ["has no such setting", () => conf("confirm_seconds=5\n")],
    [
      "cannot be read",
      () => {
        host.unlink(`${old}/etc/pantheros/deploy.conf`);
        host.write(`${old}/etc/pantheros/deploy.conf/x`, "");
      },
    ],
    [
      "is missing in a system with a supervisor",
      () => {
        host.unlink(`${old}/etc/pantheros/deploy.conf`);
        host.write(`${old}/sw/bin/pantheros-supervisor`, "", 0o755);
      },
    ],
  ])("signatures are required when deploy.conf %s", (_, act) => {
    act();
    expect(activate(host.closure("next"))).toMatchObject({
      status: 2,
      json: { outcome: "refused", step: "signature" },
    });
  });

  test("a system for a different processor is refused", () => {
    host.write(`${old}/system`, "x86_64-linux");
    const next = host.closure("next");
    host.write(`${next}/system`, "aarch64-linux");
    const { json } = activate(next);
    expect(json).toMatchObject({ outcome: "refused", step: "closure" });
    expect(json["reason"]).toContain("built for aarch64-linux, and this machine is x86_64-linux");
  });

  test("systemd that cannot list its units is not healthy", () => {
    const next = host.closure("next", {
      onTest:
        'printf "#!/bin/sh\\ncase \\$* in list-units*) exit 1 ;; esac\\nexec \\"$PANTHEROS_ROOT/fake/systemctl\\" \\"\\$@\\"\\n" >"$PANTHEROS_ROOT/fake/bin/systemctl"',
    });
    host.write("fake/systemctl", host.read("fake/bin/systemctl"), 0o755);
    onOld("test", 'cp "$PANTHEROS_ROOT/fake/systemctl" "$PANTHEROS_ROOT/fake/bin/systemctl"');
    const { json } = activate(next);
    expect(json).toMatchObject({ outcome: "rolled-back", step: "health", running: old });
    expect(json["reason"]).toContain("list-units failed");
  });

  test("a directory in place of the running system's link is named", () => {
    host.unlink("run/current-system");
    host.write("run/current-system/x", "");
    expect(activate(host.closure("next")).json).toMatchObject({
      ...{ outcome: "refused", step: "machine" },
      reason: expect.stringContaining("not a link"),
    });
  });
});
