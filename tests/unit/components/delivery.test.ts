import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { SecretDelivery, type SecretDeliveryArgs } from "../../../components/secrets/delivery.ts";
import { PROGRAMS } from "../../../deployer/programs.ts";
import { supervisorStatus } from "../../../deployer/protocol/supervisor.ts";
import {
  type DeliveryPeer,
  deliveryCommand,
  deliveryInput,
  dueDelivery,
  markOf,
  parseDelivery,
  presentSecrets,
  receiverArgv,
} from "../../../deployer/secrets/delivery.ts";
import { sha256 } from "../../../lib/sha256.ts";
import { hostKey, record, resolved } from "../mocks.ts";

const unmanaged = {
  ...{ system: null, booted: null, profile: null, bootDefault: null, generation: null },
  ...{ bootId: null, token: null, confirmed: false, phase: "idle" },
};
const line = (more: object = {}) =>
  JSON.stringify({
    schemaVersion: 1,
    host: "web",
    secret: "token",
    outcome: "delivered",
    step: "",
    exitCode: 0,
    reason: "",
    ...more,
  });

const peer: DeliveryPeer = {
  address: "203.0.113.10",
  user: "deploy",
  identity: "keys/deploy",
  hostKey,
  managed: true,
  version: 2,
};
const args: SecretDeliveryArgs = {
  host: "web",
  secret: "token",
  value: pulumi.secret("PLANTED"),
  peer,
  present: undefined,
};
const build = (more: Partial<SecretDeliveryArgs> = {}, preview = false) =>
  record(() => new SecretDelivery("web-token", { ...args, ...more }), {
    preview,
    computed: { "command:local:Command": () => ({ stdout: `noise PLANTED\n${line()}\n`, stderr: "" }) },
    functions: { "pulumi:pulumi:readStackResourceOutputs": () => ({ outputs: state }) },
  });
/** The stack's state before the run. */
let state: Record<string, unknown> = {};
const lastDelivery = (secret: string, stdout: string, name = "web-token") => {
  state = {
    [`urn:pulumi:s::p::command:local:Command::${name}-delivery`]: {
      type: "command:local:Command",
      outputs: { stdout, triggers: [sha256(secret), "earlier"] },
    },
  };
};
beforeEach(() => {
  state = {};
});
const ID = "11111111-2222-4333-8444-555555555555";

describe("resource", () => {
  test("passes the secret only through stdin, and depends only on its triggers", async () => {
    const { recording, result } = await build({ value: "PLANTED" });
    const command = recording.named("web-token-delivery");
    expect(command.inputs["stdin"]).toBe("7\nPLANTED");
    expect(recording.isSecret("web-token-delivery", "stdin")).toBe(true);
    expect(recording.isSecret("web-token-delivery", "triggers", 0)).toBe(true);
    const create = String(command.inputs["create"]);
    expect(create).toMatch(/^sh deployer\/secrets\/deliver\.sh web token [0-9a-f-]{36} 30 yes ssh /);
    expect(create).toMatch(/ web -- 'sudo -n \/run\/current-system\/sw\/bin\/pantheros-supervisor'$/);
    expect(create.length).toBeLessThan(1000);
    expect(command.inputs["logging"]).toBe("none");
    expect(command.secretOutputs).toEqual(["stdout", "stderr"]);
    expect(command.ignoreChanges).toEqual(
      expect.arrayContaining(["create", "stdin", "environment", "interpreter"]),
    );
    expect(command.ignoreChanges.join()).not.toContain("triggers");
    expect(recording.plainText()).not.toContain("PLANTED");
    expect(recording.plainText()).not.toContain(sha256("PLANTED"));
    expect(await pulumi.isSecret(result.result)).toBe(false);
    expect(await resolved(result.result)).toMatchObject({ outcome: "delivered", host: "web" });
  });

  const dueOf = async (more: Partial<SecretDeliveryArgs> = {}) => {
    const { inputs } = (await build(more)).recording.named("web-token-delivery");
    const { create, triggers } = inputs as { create: string; triggers: string[] };
    return { mark: create.split(" ")[4] ?? "", token: triggers[1] };
  };
  const present = { deliveries: { token: ID } };

  test("changes nothing while the host has the last delivery, and keeps its id if something else causes one", async () => {
    lastDelivery("PLANTED", line());
    expect(await dueOf({ present })).toEqual({ mark: ID, token: sha256(ID) });
    // After a loss of the state the id counts.
    state = {};
    expect(await dueOf({ present })).toEqual({ mark: ID, token: sha256(ID) });
  });

  test.each([
    ["did not reach the host", "PLANTED", line({ outcome: "offline" }), "web-token"],
    ["was of another secret", "EARLIER", line(), "web-token"],
    ["has no readable result", "PLANTED", "PLANTED", "web-token"],
    ["under the host's former name did not reach it", "PLANTED", line({ outcome: "failed" }), "old-token"],
  ])("delivers with a new id when the last delivery %s", async (_, secret, stdout, name) => {
    lastDelivery(secret, stdout, name);
    const { mark, token } = await dueOf({ present, formerly: "old-token" });
    expect(mark).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(mark).not.toBe(ID);
    expect(token).toBe(sha256(mark));
  });

  test("changes nothing while an earlier supervisor's sums are those of the secret, and then reports its id", async () => {
    const present = { sums: { token: sha256("PLANTED"), [markOf("token")]: sha256(ID) } };
    expect((await dueOf({ present })).token).toBe(sha256(ID));
    expect((await dueOf({ present: { deliveries: { token: ID } } })).token).toBe(sha256(ID));
  });

  test("changes nothing while the host has the secret", async () => {
    const present = { sums: { token: sha256("PLANTED"), [markOf("token")]: "mark-of-then" } };
    const triggers = async (version?: number) =>
      (await build({ present, peer: { ...peer, version } })).recording.named("web-token-delivery").inputs[
        "triggers"
      ];
    expect(await triggers(1)).toEqual([sha256("PLANTED"), "mark-of-then"]);
    // The same after an update of its supervisor.
    for (const version of [2, 3, undefined]) expect(await triggers(version)).toEqual(await triggers(1));
    // If something else causes a delivery, the mark must stay.
    const { recording } = await build({ present });
    expect(recording.named("web-token-delivery").inputs["create"]).toContain(" web token '' 30 yes ssh ");
  });

  test("delivers the mark whose hash is its trigger", async () => {
    const { recording } = await build();
    const { create, triggers } = recording.named("web-token-delivery").inputs as {
      create: string;
      triggers: string[];
    };
    expect(triggers[1]).toBe(sha256(create.split(" ")[4] ?? ""));
  });

  test("leaves the host out of the diff when it was not probed", async () => {
    const { recording } = await build({ probed: false });
    expect(recording.named("web-token-delivery").ignoreChanges).toContain("triggers[1]");
  });

  test("previews", async () => {
    const { result } = await build({}, true);
    expect(await resolved(result.result)).toBeUndefined();
  });

  test.each(["", "-x", "a b", "x".repeat(60), "token.mark"])("refuses the name %j", async (secret) => {
    await record(() => {
      expect(() => new SecretDelivery("x", { ...args, secret })).toThrow("not a valid name on a host");
    });
  });
});

test.each([
  ["unreachable", undefined, "must", "fresh"],
  ["an offline laptop", undefined, "best-effort", "offline"],
  ["no secret", { sums: {} }, "must", "fresh"],
  ["a different content", { sums: { token: "other", "token.mark": "m" } }, "best-effort", "fresh"],
  ["no mark", { sums: { token: "wanted" } }, "must", "fresh"],
  ["the right content", { sums: { token: "wanted", "token.mark": "m" } }, "must", "m"],
  ["no delivery", { deliveries: { other: ID } }, "best-effort", "fresh"],
  ["a delivery", { deliveries: { token: ID } }, "must", sha256(ID)],
  ["a name that every object inherits", { deliveries: Object.create({ token: ID }) }, "must", "fresh"],
] as const)("the host's part in the trigger: %s", (_, present, converge, expected) => {
  const { token } = dueDelivery({ secret: "token", wanted: "wanted", fresh: "unused", present, converge });
  expect(token).toBe(expected === "fresh" ? sha256("unused") : expected);
});

test("a status says what the host has: sums until version 2, ids from version 3 on, nothing to a probe key", () => {
  const status = (more: object) => supervisorStatus.parse({ ...unmanaged, ...more });
  const secrets = { token: sha256("PLANTED") };
  expect(presentSecrets(status({ version: 0 }))).toEqual({ sums: {} });
  expect(presentSecrets(status({ version: 2, secrets }))).toEqual({ sums: secrets });
  expect(presentSecrets(status({ version: 3, deliveries: { token: ID } }))).toEqual({
    deliveries: { token: ID },
  });
  expect(presentSecrets(status({ version: 3 }))).toBeUndefined();
});

test("a result is read from the last line; anything else is refused without being repeated", () => {
  expect(parseDelivery(`PLANTED\n${line({ outcome: "offline", extra: "PLANTED" })}`)).not.toHaveProperty(
    "extra",
  );
  for (const text of ["", "PLANTED", '{"schemaVersion":2}']) {
    expect(() => parseDelivery(text)).toThrow(/^deployer\/secrets\/deliver\.sh did not print a result$/);
  }
});

const secretText = "PLANTED\nsecond linë";
const whole = deliveryInput(secretText);

describe.each(["dash", "busybox sh"])("script under %s", (shell) => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pantheros-test-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Runs the script with a stand-in for ssh that is this shell text; `$name` is the secret's name. */
  function deliver(ssh: string, seconds = 5, mark = "m-1", to: Partial<DeliveryPeer> = {}, input = whole) {
    // As in the remote shell: the verb and its arguments are the last words.
    const words = 'set -- $(printf "%s" "$*" | sed "s/^.* -- //"); while [ $# -gt 3 ]; do shift; done';
    const own = `directory='${directory}'; said=$*; ${words}; case $3 in '' | *[!0-9]*) name=$3 ;; *) name=$2 ;; esac`;
    const remote = `#!/bin/sh\n${own}\n${ssh}\n`;
    writeFileSync(join(directory, "ssh"), remote, { mode: 0o755 });
    const command = deliveryCommand({
      host: "web",
      secret: "token",
      mark,
      seconds,
      peer: { ...peer, ...to },
    });
    // Not execFileSync: it throws when the script ends without having read its input.
    const { stdout } = spawnSync("/bin/sh", ["-c", command.replace(/^sh /, `${shell} `)], {
      input,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, PATH: `${directory}:${process.env["PATH"]}` },
    });
    expect(stdout).not.toContain("PLANTED");
    return parseDelivery(stdout);
  }

  test("passes the secret, then its mark", () => {
    const result = deliver(
      'printf "%s\\n" "$said" >>"$directory/calls"; cat >"$directory/$name"; echo PLANTED',
    );
    expect(result.outcome).toBe("delivered");
    expect(readFileSync(join(directory, "token"), "utf8")).toBe("PLANTED\nsecond linë");
    expect(readFileSync(join(directory, "token.mark"), "utf8")).toBe("m-1");
    const calls = readFileSync(join(directory, "calls"), "utf8").trim().split("\n");
    expect(calls.map((call) => call.replace(/^.* -- /, ""))).toEqual([
      "sudo -n /run/current-system/sw/bin/pantheros-supervisor secret token 20",
      "sudo -n /run/current-system/sw/bin/pantheros-supervisor secret token.mark 3",
    ]);
    for (const call of calls) {
      expect(call).toContain("StrictHostKeyChecking=yes");
      expect(call).toContain(hostKey);
    }
  });

  test("an empty mark leaves the host's mark unchanged", () => {
    expect(deliver('cat >"$directory/$name"', 5, "").outcome).toBe("delivered");
    expect(readdirSync(directory).sort()).toEqual(["ssh", "token"]);
  });

  test("no mark after a secret that did not arrive", () => {
    const result = deliver(
      'cat >/dev/null; echo "$name" >>"$directory/calls"; cat; echo PLANTED >&2; exit 1',
    );
    expect(result).toMatchObject({
      outcome: "failed",
      step: "secret",
      exitCode: 1,
      reason: "the supervisor failed",
    });
    expect(readFileSync(join(directory, "calls"), "utf8")).toBe("token\n");
  });

  test("a mark that did not arrive is reported as such", () => {
    expect(deliver('cat >/dev/null; [ "$name" = token ] || exit 2')).toMatchObject({
      outcome: "failed",
      step: "mark",
      exitCode: 2,
      reason: "the supervisor refused the secret",
    });
  });

  test("a host that does not answer is offline", () => {
    expect(deliver("exec sleep 30", 1)).toMatchObject({
      outcome: "offline",
      reason: "no answer within 1 s",
    });
  });

  test.each([
    ["Host key verification failed.", "failed", "the host key is not the pinned one"],
    ["deploy@web: Permission denied (publickey).", "failed", "the host refused the SSH key"],
    [
      "ssh: Could not resolve hostname web: Name or service not known",
      "offline",
      "the name does not resolve",
    ],
    ["ssh: connect to host web port 22: Connection refused", "offline", "connection refused"],
    ["ssh: connect to host web port 22: Connection timed out", "offline", "no answer"],
    ["jump bastion: Host key verification failed.", "failed", "the jump host key is not the pinned one"],
    ["jump bastion: deploy@b: Permission denied (publickey).", "failed", "the jump host refused the SSH key"],
    [
      "jump bastion: channel 0: open failed: administratively prohibited: open failed",
      "failed",
      "the jump host does not forward to the host",
    ],
    [
      "jump bastion: ssh: connect to host b port 22: Connection refused",
      "offline",
      "connection refused (jump host)",
    ],
    ["kex_exchange_identification: PLANTED", "offline", "ssh could not connect"],
  ])("ssh's error is %j", (message, outcome, reason) => {
    expect(deliver(`echo '${message}' >&2; exit 255`)).toMatchObject({ outcome, reason, exitCode: 255 });
  });

  test.each([
    ["of version 1 gets no length", { version: 1 }, ["secret token", "secret token.mark"]],
    ["of version 2 gets the length", { version: 2 }, ["secret token 20", "secret token.mark 3"]],
    ["of a later version gets the length", { version: 3 }, ["secret token 20", "secret token.mark 3"]],
  ])("a supervisor %s", (_, to, calls) => {
    const log = 'printf "%s\\n" "$said" >>"$directory/calls"; cat >"$directory/$name"';
    expect(deliver(log, 5, "m-1", to)).toMatchObject({ outcome: "delivered" });
    const called = readFileSync(join(directory, "calls"), "utf8").trim().split("\n");
    expect(called.map((call) => call.replace(/^.*supervisor /, ""))).toEqual(calls);
  });

  test.each([
    ['{"version":1,"system":null}', ["secret token", "secret token.mark"]],
    ['{"version":2,"system":null}', ["secret token 20", "secret token.mark 3"]],
  ])("the version of a host that was not probed is read first: %s", (answer, calls) => {
    const log = `printf "%s\\n" "$said" >>"$directory/calls"
case $said in *supervisor" "status) echo '${answer}'; exit ;; esac; cat >"$directory/$name"`;
    expect(deliver(log, 5, "m-1", { version: undefined })).toMatchObject({ outcome: "delivered" });
    expect(readFileSync(join(directory, "token"), "utf8")).toBe(secretText);
    const called = readFileSync(join(directory, "calls"), "utf8").trim().split("\n");
    expect(called.map((call) => call.replace(/^.*supervisor /, ""))).toEqual(["status", ...calls]);
  });

  test("a host that does not answer gets no secret", () => {
    const silent = 'echo x >>"$directory/calls"; echo "Connection refused" >&2; exit 255';
    const result = deliver(silent, 5, "m-1", { version: undefined });
    expect(result).toMatchObject({ outcome: "offline", step: "secret", reason: "connection refused" });
    expect(readFileSync(join(directory, "calls"), "utf8")).toBe("x\n");
  });

  test("truncated input is passed with the full length, so that the host refuses it; no mark follows", () => {
    const takes =
      'cat >"$directory/$name"; [ "$(wc -c <"$directory/$name")" -eq "$3" ] || { rm "$directory/$name"; exit 2; }';
    expect(deliver(takes, 5, "m-1", {}, whole.slice(0, 12))).toMatchObject({
      outcome: "failed",
      exitCode: 2,
    });
    expect(readdirSync(directory)).toEqual(["ssh"]);
    expect(deliver(takes, 5, "m-1", {}, "1")).toMatchObject({ outcome: "failed", step: "secret" });
    expect(deliver(takes, 5, "m-1", {}, "PLANTED\n")).toMatchObject({ outcome: "failed", step: "secret" });
    expect(deliver(takes)).toMatchObject({ outcome: "delivered" });
  });

  test("the host's output is limited", () => {
    const loud = "cat >/dev/null; head -c 300000000 /dev/zero | tr '\\0' x >&2; exit 1";
    expect(deliver(loud, 60)).toMatchObject({ reason: "the host's answer is longer than 64 kB" });
  });

  test("a missing supervisor has its own reason", () => {
    expect(deliver("exit 127")).toMatchObject({ outcome: "failed", exitCode: 127 });
  });
});

test("on a machine without a supervisor, root's shell writes the file atomically, with mode 0600", () => {
  const directory = mkdtempSync(join(tmpdir(), "pantheros-test-"));
  try {
    const argv = receiverArgv("web", { ...peer, user: "root", managed: false });
    // As in the remote shell: ssh joins its words with blanks.
    const remote = [argv.at(-1), "secret", "token", "7"].join(" ").replace("/var/lib/pantheros", directory);
    const receive = (input: string) => spawnSync("sh", ["-c", remote], { input }).status;
    const kept = () => readFileSync(join(directory, "secrets/token"), "utf8");
    expect(receive("PLANTED")).toBe(0);
    expect(kept()).toBe("PLANTED");
    expect(statSync(join(directory, "secrets/token")).mode & 0o777).toBe(0o600);
    for (const cut of ["OTHER", "", "TOO LONG"]) {
      expect(receive(cut)).toBe(2);
      expect(kept()).toBe("PLANTED");
    }
    expect(readdirSync(join(directory, "secrets"))).toEqual(["token"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("words are quoted for the shell", () => {
  const odd = { ...peer, identity: "it's $(x) here" };
  const command = deliveryCommand({ host: "web", secret: "s", mark: "m", seconds: 1, peer: odd });
  const printed = execFileSync(
    "sh",
    ["-c", command.replace(`sh ${PROGRAMS.deliverSecret}`, "printf '%s\\0'")],
    {
      encoding: "utf8",
    },
  );
  const words = printed.split("\0");
  expect(words.slice(0, 6)).toEqual(["web", "s", "m", "1", "yes", "ssh"]);
  expect(words).toContain(`IdentityFile="it's $(x) here"`);
});
