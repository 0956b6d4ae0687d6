import { mkdirSync, writeFileSync } from "node:fs";
import { finish } from "../sandbox/sandbox.ts";
import {
  all,
  change,
  expectTold,
  fault,
  generous,
  Rehearsal,
  type Row,
  rehearse,
  shown,
  windows,
  withSpare,
} from "./rehearsal.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("reachability");

beforeAll(() => fleet.raise(all(windows(5, 5), withSpare)));
afterAll(() => fleet.lower());

const unreachable = (row: string, host: string, setting: string): Row => ({
  row: `${row}: no confirmation, old system back when the window ends`,
  host,
  edit: fault(host, setting),
  end: "rolled-back at confirm",
  names: /nobody confirmed over a fresh connection within 5 s/,
});

rehearse(fleet, "the new system cannot be reached", [
  unreachable("new system stops sshd", "db", 'sshd = "stop"'),
  unreachable("new system's sshd accepts and stays silent", "web", 'sshd = "silent"'),
  unreachable("new system's firewall drops SSH", "legacy", 'firewall = "drop-ssh"'),
  unreachable("new system takes the interface down", "spare", 'network = "down"'),
]);

describe("rows that begin from a converged fleet", () => {
  beforeEach(() => fleet.converged());

  test("SSH multiplexing configured on the runner: no false confirmation", async () => {
    const before = await fleet.moment("db");
    const address = (await fleet.outputs()).hosts["db"]?.addresses.ipv4 ?? "";
    const home = fleet.file("multiplexing");
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const config = fleet.file("multiplexing", "config");
    writeFileSync(config, `Host *\n  ControlMaster auto\n  ControlPersist 600\n  ControlPath ${home}/%C\n`);
    // ssh takes its user's home from the accounts and not from HOME, so the file is put over root's own.
    const onRunner = (...argv: string[]) =>
      finish(
        [
          ...["unshare", "--mount", "sh", "-ec"],
          'mkdir -p /root/.ssh; mount --bind "$1" /root/.ssh; shift; exec "$@"',
          ...["sh", home, ...argv],
        ],
        500,
        { env: fleet.environment },
      );
    expect((await onRunner("ssh", "-G", address)).output).toMatch(/^controlmaster auto$/m);

    fleet.break(fault("db", 'sshd = "stop"'));
    const ran = await onRunner("tools/pulumi", "up", "--yes", "--skip-preview", "--stack", "sandbox");
    expectTold(ran, "db: rolled-back at confirm", /nobody confirmed/);

    await fleet.expectBack("db", before);
    await fleet.mend();
  });

  test("host unreachable before copy: bounded wait, named error; other hosts of the wave finish", async () => {
    const before = await fleet.moment("spare");
    fleet.break(all(change("spare", "spare, while off"), change("web", "web, beside a dead host")));
    expect(await fleet.cli("machine", "stop", "spare")).toMatchObject({ code: 0 });

    expectTold(await fleet.up(), "spare: failed at copy", /hint:.*does not answer/);

    const { hosts } = await fleet.outputs();
    expect(hosts["spare"]).toMatchObject({ outcome: "failed" });
    await fleet.expectConfirmed("spare");
    expect(await fleet.cli("machine", "start", "spare")).toMatchObject({ code: 0 });
    await fleet.serves("spare", "ssh.service");
    expect(await fleet.moment("spare")).toMatchObject({ running: before.running });
    expect(shown(await fleet.up())).toMatchObject({ code: 0 });
    await fleet.expectConfirmed();
    expect(await fleet.changes()).toEqual([]);
    await fleet.mend();
  });

  test("host unreachable before copy: best-effort hosts do not fail the run", async () => {
    const before = await fleet.moment("legacy");
    const closed = all(
      (text) => text.replace("[hosts.legacy]", '[hosts.legacy]\nreachability = "best-effort"'),
      change("legacy", "legacy, while off"),
      change("web", "web, beside a closed laptop"),
    );
    fleet.break(closed);
    expect(await fleet.cli("machine", "stop", "legacy")).toMatchObject({ code: 0 });

    const ran = await fleet.up();
    expect(shown(ran)).toMatchObject({ code: 0 });
    expect((await fleet.outputs()).hosts["legacy"]).toMatchObject({ outcome: "offline" });
    await fleet.expectConfirmed("legacy");
    expect(await fleet.wouldChange()).toEqual([]);

    expect(await fleet.cli("machine", "start", "legacy")).toMatchObject({ code: 0 });
    await fleet.serves("legacy", "ssh.service");
    expect(await fleet.moment("legacy")).toMatchObject({ running: before.running });
    expect(shown(await fleet.up())).toMatchObject({ code: 0 });
    await fleet.expectConfirmed();
    expect(await fleet.changes()).toEqual([]);
    await fleet.mend();
  });
});
