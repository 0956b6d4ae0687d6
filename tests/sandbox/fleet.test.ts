import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { until } from "../failures/rehearsal.ts";
import { expectSuccess, hostsOf, Sandbox } from "./sandbox.ts";

jest.setTimeout(15 * 60_000);

const sandbox = new Sandbox("fleet");

/** Number of the deploy user's logins, from the host's journal. */
async function loginsTo(host: string): Promise<number> {
  const { output } = await sandbox.onMachine(
    host,
    "journalctl --no-pager | grep -c 'Accepted .* for deploy from '",
  );
  return Number(output.trim());
}

/** Calls the emulated Tailscale's API. */
async function tailscale(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const key = /^TAILSCALE_API_KEY=(.+)$/m.exec(readFileSync(sandbox.file("secrets.env"), "utf8"))?.[1];
  const words = ["-sS", "-X", method, "-H", `authorization: Bearer ${key}`];
  const data = body === undefined ? [] : ["-H", "content-type: application/json", "-d", JSON.stringify(body)];
  const { output } = await sandbox.inDriver("curl", ...words, ...data, `http://198.51.100.1:8003${path}`);
  return JSON.parse(output || "{}") as Record<string, unknown>;
}

/** Another machine joins the tailnet under that name, with a key for these tags. */
async function joined(hostname: string, ...tags: string[]) {
  const create = { reusable: false, ephemeral: false, preauthorized: true, tags };
  const { key } = await tailscale("POST", "/api/v2/tailnet/-/keys", {
    capabilities: { devices: { create } },
  });
  const { device } = await tailscale("POST", "/sandbox/join", { authKey: key, hostname });
  return device as { nodeId: string; nodeKey: string; name: string };
}

/**
 * Runs a control centre while `use` runs.
 * @returns its exit code and signal
 */
async function withCentre(
  use: (see: (path: string) => Promise<Response>) => Promise<void>,
): Promise<readonly unknown[]> {
  const centre = spawn("tools/pantheros", ["centre", "--stack", "sandbox"], {
    env: sandbox.environment,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(centre, "exit");
  try {
    let link = "";
    for await (const line of createInterface({ input: centre.stdout })) {
      link = line;
      break;
    }
    const opened = await fetch(link);
    const [cookie = ""] = (opened.headers.get("set-cookie") ?? "").split(";");
    await use((path) => fetch(new URL(path, link), { headers: { cookie } }));
  } finally {
    centre.kill("SIGINT");
  }
  return ended;
}

/** What the API says of a run, as far as the tests read it. */
interface ShownRun {
  readonly id: string;
  readonly state: string;
  readonly errors: readonly string[];
  readonly hosts: readonly {
    readonly name: string;
    readonly wave: number;
    readonly outcome?: string;
    readonly reason?: string;
    readonly phases: readonly { readonly phase: string }[];
  }[];
}

/** The newest run, each time that an open page is told of a change, until it has ended. */
async function followRun(see: (path: string) => Promise<Response>): Promise<ShownRun[]> {
  const seen: ShownRun[] = [];
  const before = await newestRun(see);
  for await (const _ of (await see("/live/runs")).body ?? []) {
    const run = await newestRun(see);
    if (run === undefined || run.id === before?.id) continue;
    seen.push(run);
    if (run.state !== "running") break;
  }
  return seen;
}

async function newestRun(see: (path: string) => Promise<Response>): Promise<ShownRun | undefined> {
  const { runs } = (await (await see("/api/v1/runs?limit=1")).json()) as { runs: readonly ShownRun[] };
  const [newest] = runs;
  return newest && ((await (await see(`/api/v1/runs/${newest.id}`)).json()) as ShownRun);
}

describe("a fleet from nothing to healthy hosts", () => {
  beforeAll(async () => {
    await sandbox.reset();
  });

  afterAll(async () => {
    const down = await sandbox.cli("down");
    expect(down.output).not.toMatch(/error/i);
    expect(down.code).toBe(0);
    expect(sandbox.leftovers()).toEqual([]);
  });

  test("`make sandbox` ends with every host confirmed and prints the next commands", async () => {
    const { code, output } = await sandbox.cli("up");
    expectSuccess({ code, output });
    for (const host of ["web", "db", "legacy"]) expect(output).toContain(host);
    expect(output).toMatch(/tools\/pulumi preview/);
    const { hosts } = await sandbox.outputs();
    expect(Object.entries(hosts).map(([name, host]) => [name, host.outcome])).toEqual([
      ["db", "confirmed"],
      ["legacy", "confirmed"],
      ["web", "confirmed"],
    ]);
  });

  test("a preview right after shows no change", async () => {
    expect(await sandbox.changes()).toEqual([]);
  });

  test("each host runs the closure that the outputs name, and its unit runs", async () => {
    const { hosts } = await sandbox.outputs();
    for (const [name, host] of Object.entries(hosts)) expect(await sandbox.running(name)).toBe(host.closure);
    const unit = await sandbox.onMachine(
      "web",
      "systemctl is-active hello.service && curl -fsS http://127.0.0.1:8080/",
    );
    expectSuccess(unit);
    expect(unit.output).toMatch(/^active\n/);
  });

  test("the control centre, on this computer's loopback address, shows what each host answered", async () => {
    const ended = await withCentre(async (see) => {
      const asked = await until("the hosts were asked", 60, async () => {
        const fleet = (await (await see("/api/v1/fleet")).json()) as { asked?: boolean; hosts?: object[] };
        return fleet.asked === true ? fleet.hosts : undefined;
      });
      const expected = { state: "ok", reachable: true, confirmed: true };
      expect(asked).toEqual([1, 2, 3].map(() => expect.objectContaining(expected)));
      // The run of `make sandbox`, which was made before the centre ran.
      expect(await newestRun(see)).toMatchObject({ state: "succeeded" });
    });
    expect(ended).toEqual([0, null]);
  });

  test("SSH connects with the pinned host key only", async () => {
    const { hosts } = await sandbox.outputs();
    const { hostKey = "", addresses } = hosts["web"] ?? { addresses: {} };
    const address = addresses.ipv4 ?? "";
    const ssh = (keys: string) => {
      const known = sandbox.file("pinned");
      writeFileSync(known, `${address} ${keys}\n`);
      const options = [
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        `UserKnownHostsFile=${known}`,
        "-o",
        "BatchMode=yes",
      ];
      const run = ["sudo", "-n", "/run/current-system/sw/bin/pantheros-supervisor", "status"];
      return sandbox.inDriver(
        "ssh",
        "-F",
        "/dev/null",
        ...options,
        "-i",
        sandbox.file("keys", "deploy"),
        `deploy@${address}`,
        ...run,
      );
    };
    expectSuccess(await ssh(hostKey));
    const other = hosts["db"]?.hostKey ?? "";
    const refused = await ssh(other);
    expect(refused.code).toBe(255);
    expect(refused.output).toMatch(/Host key verification failed/);
  });

  test("names resolve, buckets answer an S3 client, closures copy from a host", async () => {
    const { hosts, dns, buckets } = await sandbox.outputs();
    const dig = await sandbox.inDriver("dig", "+short", "web.example.test", "A");
    expect(dig.output.trim()).toBe(hosts["web"]?.addresses.ipv4);
    const sshfp = dns.records.find((record) => record.type === "SSHFP" && record.name === "web.example.test");
    expect(
      (await sandbox.inDriver("dig", "+short", "web.example.test", "SSHFP")).output
        .toLowerCase()
        .replace(/\s/g, ""),
    ).toContain(sshfp?.content.toLowerCase().replace(/\s/g, ""));
    expect(Object.keys(buckets).sort()).toEqual(["backups", "cache", "postgres", "state"]);
  });

  test("changing one host's closure shows that host and no other", async () => {
    sandbox.editFleet((text) => text.replace("web of the sandbox", "web, changed"));
    const steps = await sandbox.changes();
    expect(hostsOf(steps)).toEqual(new Set(["web"]));
    const before = await sandbox.running("web");
    const logins = await loginsTo("web");
    expectSuccess(await sandbox.up());
    expect(await sandbox.running("web")).toBe((await sandbox.outputs()).hosts["web"]?.closure);
    expect(await sandbox.running("web")).not.toBe(before);
    // The probe, one connection for closure and activation, and the confirmation's own.
    expect((await loginsTo("web")) - logins).toBe(3);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("changing a server's label is an update, not a replacement", async () => {
    sandbox.editFleet((text) =>
      text.replace('location = "nbg1",', 'location = "nbg1", labels = { team = "data" },'),
    );
    const steps = await sandbox.changes();
    const servers = steps.filter(({ urn }) => urn.includes("hcloud:index/server:Server"));
    expect(servers.map(({ op }) => op)).toEqual(["update"]);
    expect(steps.filter(({ op }) => op !== "update")).toEqual([]);
    expectSuccess(await sandbox.up());
    expect(await sandbox.changes()).toEqual([]);
  });

  test("an edit outside of nix/ redeploys nothing", async () => {
    const scratch = sandbox.file("..", ".sandbox-test-note.md");
    writeFileSync(scratch, "a note\n");
    try {
      expect(await sandbox.changes()).toEqual([]);
    } finally {
      rmSync(scratch);
    }
  });

  test("a failing activation is reported; the old system runs, other hosts finish, and the next up converges", async () => {
    const before = { db: await sandbox.running("db"), web: await sandbox.running("web") };
    sandbox.editFleet((text) =>
      text
        .replace('motd = "db of the sandbox"', 'motd = "db, failing", activation = "fail"')
        .replace('motd = "web, changed"', 'motd = "web, third"'),
    );
    let failed = { code: -1, output: "" };
    let seen: readonly ShownRun[] = [];
    let page = "";
    await withCentre(async (see) => {
      const follow = followRun(see);
      failed = await sandbox.up();
      seen = await follow;
      page = await (await see(`/runs/${seen.at(-1)?.id}`)).text();
    });
    expect(failed.code).not.toBe(0);
    expect(failed.output).toMatch(/db.*activate/s);
    // The control centre has shown the steps while the run went on, and the reason at its end.
    const during = seen.filter(({ state }) => state === "running");
    const phasesOf = (run: ShownRun, host: string) =>
      run.hosts.find(({ name }) => name === host)?.phases.map(({ phase }) => phase) ?? [];
    expect(during.some((run) => phasesOf(run, "db").at(-1) === "activate")).toBe(true);
    const last = seen.at(-1);
    expect(last).toMatchObject({ state: "failed" });
    const waves = { web: expect.any(Number), db: expect.any(Number), legacy: expect.any(Number) };
    expect(Object.fromEntries(last?.hosts.map(({ name, wave }) => [name, wave]) ?? [])).toEqual(waves);
    expect(last?.hosts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "db", outcome: "rolled-back" }),
        expect.objectContaining({ name: "web", outcome: "confirmed" }),
      ]),
    );
    expect(last && phasesOf(last, "web")).toEqual(
      expect.arrayContaining(["build", "copy", "activate", "confirm"]),
    );
    expect(last?.errors.join("\n")).toMatch(/db: rolled-back/);
    expect(page).toMatch(/rolled-back/);
    expect(page).toMatch(/at activate.*switch-to-configuration.*\nthis activation was told to fail\n/s);
    expect(failed.output).toContain("switch-to-configuration");
    expect(await sandbox.running("db")).toBe(before.db);
    expect((await sandbox.onMachine("db", "systemctl is-active database.service")).output.trim()).toBe(
      "active",
    );
    expect(await sandbox.running("web")).not.toBe(before.web);
    const truth = await sandbox.outputs();
    expect(truth.hosts["db"]).toMatchObject({ outcome: "rolled-back", closure: before.db });
    expect(truth.hosts["web"]).toMatchObject({ outcome: "confirmed", closure: await sandbox.running("web") });

    const again = await sandbox.up();
    expect(again.code).not.toBe(0);
    expect(again.output).toMatch(/db/);

    sandbox.editFleet((text) =>
      text.replace('motd = "db, failing", activation = "fail"', 'motd = "db, mended"'),
    );
    expectSuccess(await sandbox.up());
    expect((await sandbox.outputs()).hosts["db"]).toMatchObject({
      outcome: "confirmed",
      closure: await sandbox.running("db"),
    });
    expect(await sandbox.changes()).toEqual([]);
  });

  test("drift: a host switched by hand shows in the preview, and the next up repairs it", async () => {
    const wanted = await sandbox.running("web");
    const previous = (
      await sandbox.onMachine("web", "readlink -f /nix/var/nix/gcroots/pantheros-previous")
    ).output.trim();
    expect(previous).toMatch(/^\/nix\/store\//);
    expect(await sandbox.onMachine("web", `${previous}/bin/switch-to-configuration switch`)).toMatchObject({
      code: 0,
    });
    expect(hostsOf(await sandbox.changes())).toEqual(new Set(["web"]));
    expectSuccess(await sandbox.up());
    expect(await sandbox.running("web")).toBe(wanted);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("several texts of one name: the first is removed and the others move; no record is replaced", async () => {
    const text = (content: string) => `[[dns.records]]\nname = "@"\ntype = "TXT"\ncontent = '${content}'\n\n`;
    const own = text("v=spf1 -all").replaceAll("'", '"');
    const long = `k=${"A".repeat(300)}`;
    const texts = async () =>
      (await sandbox.inDriver("dig", "+short", "example.test", "TXT")).output.trim().split("\n").sort();
    sandbox.editFleet((fleet) => fleet.replace(own, own + text("second") + text(long)));
    expectSuccess(await sandbox.up());
    const strings = `"${long.slice(0, 255)}" "${long.slice(255)}"`;
    expect(await texts()).toEqual([strings, '"second"', '"v=spf1 -all"'].sort());
    sandbox.editFleet((fleet) =>
      fleet.replace(own + text("second") + text(long), text(long) + text("second")),
    );
    const steps = await sandbox.changes();
    expect(steps.map(({ op }) => op)).toEqual(["delete"]);
    expectSuccess(await sandbox.up());
    expect(await texts()).toEqual([strings, '"second"'].sort());
    expect(await sandbox.changes()).toEqual([]);
  });

  test("a device of another machine that has a host's name is named; up removes an earlier machine's own", async () => {
    const earlier = await joined("web", "tag:server", "tag:host-web");
    await tailscale("POST", "/sandbox/join", { nodeKey: earlier.nodeKey, connected: false });
    const other = await joined("legacy", "tag:server");
    for (const host of ["web", "legacy"]) expectSuccess(await sandbox.cli("join", host));
    const tailnetNames = async () => {
      const { hosts } = await sandbox.outputs();
      return [hosts["web"]?.addresses.tailnet, hosts["legacy"]?.addresses.tailnet];
    };

    const preview = await sandbox.pulumi("preview", "--color", "never");
    expect(preview.output).toMatch(
      /web: in the tailnet it is web-1\.tail0000\.ts\.net: up renames .* to web; up removes device n\w+ \(web\.tail0000\.ts\.net/,
    );
    const foreign = `legacy: in the tailnet it is legacy-1.tail0000.ts.net, because its name belongs to device ${other.nodeId}`;
    expect(preview.output).toContain(foreign);

    const up = await sandbox.up();
    expect(up.code).not.toBe(0);
    expect(up.output).toContain(foreign);
    expect(await tailnetNames()).toEqual(["web.tail0000.ts.net", "legacy-1.tail0000.ts.net"]);
    const reported = await sandbox.onMachine("web", "cat /run/pantheros/tailnet-node");
    const { devices } = await tailscale("GET", "/api/v2/tailnet/-/devices");
    const web = (devices as (typeof earlier)[]).filter(({ name }) => /^web\b/.test(name));
    expect(web.map(({ nodeId }) => nodeId)).toEqual([reported.output.trim()]);

    await tailscale("DELETE", `/api/v2/device/${other.nodeId}`);
    expectSuccess(await sandbox.up());
    expect(await tailnetNames()).toEqual(["web.tail0000.ts.net", "legacy.tail0000.ts.net"]);
    expect(await sandbox.changes()).toEqual([]);
  });

  test("refresh finds no drift at the vendors", async () => {
    const refreshed = await sandbox.pulumi("refresh", "--yes", "--expect-no-changes", "--color", "never");
    expectSuccess(refreshed);
  });
});
