import { copyStep } from "../../../deployer/deploy/closure.ts";
import { deploySpec, truncateNames } from "../../../deployer/deploy/spec.ts";
import {
  closeConnectionCommand,
  connectStep,
  peer,
  sharedPeer,
  stepFailure,
  verbStep,
} from "../../../deployer/deploy/steps.ts";
import { lastLines } from "../../../lib/sanitize.ts";
import { broken, files, newSystem, refusedConnection, spec } from "./fixtures.ts";

const own = peer(spec(), files, "deploy");

test("verbs run with sudo; a connection is shared only on request", () => {
  const { argv } = verbStep(spec(), "activate", sharedPeer(spec(), files));
  expect(argv).toEqual(expect.arrayContaining(["ControlMaster=no", "ControlPath=/tmp/d/web.ssh"]));
  expect(argv.at(-1)).toBe(
    `sudo -n /run/current-system/sw/bin/pantheros-supervisor activate ${newSystem} t1`,
  );
  const confirm = verbStep(spec(), "confirm", own).argv;
  expect(confirm).toEqual(expect.arrayContaining(["ControlMaster=no", "ControlPath=none"]));
  expect(confirm.at(-1)).toMatch(/ confirm t1$/);
});

test("the connection is opened as the user that changes the host, with a time limit", () => {
  const step = connectStep(spec({ managed: false }), files);
  expect(step?.argv).toEqual(expect.arrayContaining(["User=root", "HostKeyAlias=web", "-N"]));
  expect(step).toMatchObject({ log: "/tmp/d/web.log", timeoutSeconds: 20 + 10 });
  expect(step?.hint(refusedConnection)).toMatch(/does not answer/);
  expect(closeConnectionCommand(spec(), files)?.argv.slice(-3)).toEqual(["-O", "stop", "web"]);
});

test("if ssh cannot create a socket, no connection is opened or shared", () => {
  const long = { ...files, connections: `/tmp/${"d".repeat(90)}` };
  expect([connectStep(spec(), long), closeConnectionCommand(spec(), long)]).toEqual([undefined, undefined]);
  expect(verbStep(spec(), "activate", sharedPeer(spec(), long)).argv).toContain("ControlPath=none");
});

test("on a machine without a supervisor root runs the new system's supervisor", () => {
  const to = sharedPeer(spec({ managed: false }), files);
  const { argv } = verbStep(spec({ managed: false }), "activate", to);
  expect(argv).toEqual(expect.arrayContaining(["User=root", "ControlPath=/tmp/d/web.ssh"]));
  expect(argv.at(-1)).toBe(`${newSystem}/sw/bin/pantheros-supervisor activate ${newSystem} t1`);
});

test("the time limit of an activation is the host's own limits and the connection's", () => {
  const given = spec({ seconds: { switch: 100, health: 50, confirm: 20, connect: 5 } });
  expect(verbStep(given, "activate", own).timeoutSeconds).toBe(100 * 2 + 50 * 2 + 120 + 5);
});

test("a failure has step, command, exit code, reason and hint", () => {
  const step = copyStep(spec(), files, { substitute: true, direct: false });
  if (step === undefined) throw new Error("nothing to copy");
  expect(stepFailure(step, broken("error: disk full\n", 1))).toEqual({
    step: "copy",
    command: `nix --extra-experimental-features 'nix-command flakes' copy --substitute-on-destination --to ssh-ng://web ${newSystem}`,
    exitCode: 1,
    reason: "error: disk full",
    hint: expect.stringContaining("nix-collect-garbage"),
  });
});

test("a login shell that prints: the hint says what to remove", () => {
  const stderr =
    "error: cannot open connection to remote store 'ssh-ng://web': error: protocol mismatch, got 'Welcome to web!'";
  const step = copyStep(spec(), files, { substitute: true, direct: false });
  const ran = { exitCode: 1, timedOut: false, stdout: "", stderr };
  expect(step && stepFailure(step, ran)).toMatchObject({
    reason: stderr,
    hint: expect.stringMatching(/^the login shell .* prints text .*remove that from \/etc\/profile/),
  });
});

test("a reason is cut and has no colours", () => {
  const text = Array.from({ length: 40 }, (_, at) => `\u001b[31mline ${at}\u001b[0m`).join("\n");
  expect(lastLines(text).split("\n")).toEqual(Array.from({ length: 12 }, (_, at) => `line ${at + 28}`));
  expect(lastLines("x".repeat(9000))).toHaveLength(1500);
});

test("a spec stays under 1 kB, and refuses unknown keys and invalid values", () => {
  const held = truncateNames(Array.from({ length: 100 }, (_, at) => `host-${at} (rolled-back)`));
  expect(held.at(-1)).toBe("95 more");
  expect(
    JSON.stringify(spec({ heldBy: held, push: "s3://cache?endpoint=s3.example.test" })).length,
  ).toBeLessThan(1024);
  expect(deploySpec.safeParse({ ...spec(), extra: 1 }).success).toBe(false);
  expect(deploySpec.safeParse({ ...spec(), outPath: "/nix/store/../etc" }).success).toBe(false);
  expect(deploySpec.safeParse({ ...spec(), token: "a b" }).success).toBe(false);
  expect(deploySpec.safeParse({ ...spec(), hostKeys: [] }).success).toBe(false);
});

test("a different host key: the reason has its fingerprint, without ssh's advice to remove the pin", () => {
  const page = [
    "Someone could be eavesdropping on you right now (man-in-the-middle attack)!",
    "SHA256:c5oyvVUlPLHKVSmKWts+NeNtcFmtJfvwn6ta8iVTvZ8.",
    '  ssh-keygen -f "/tmp/known_hosts" -R "web"',
    "Host key verification failed.",
  ].join("\n");
  expect(stepFailure(verbStep(spec(), "status", own), broken(page)).reason).toBe(
    "host key verification failed: the machine shows SHA256:c5oyvVUlPLHKVSmKWts+NeNtcFmtJfvwn6ta8iVTvZ8",
  );
});
