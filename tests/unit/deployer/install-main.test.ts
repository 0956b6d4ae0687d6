import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { installResult } from "../../../deployer/protocol/result.ts";
import { gone, Programs, say, until } from "../programs.ts";
import { drv, newSystem, oldSystem, status } from "./fixtures.ts";

/** The program as a resource starts it, with fake programs first on PATH. */
let own: Programs;
beforeEach(() => {
  own = new Programs("main");
});
afterEach(() => own.remove());

const installMain = "deployer/install/main.ts";

function run(main: string, more: NodeJS.ProcessEnv, input = "") {
  return spawnSync(process.execPath, [main], {
    env: own.environment(more),
    input,
    encoding: "utf8",
    timeout: 60_000,
  });
}

describe("install", () => {
  const input = {
    schemaVersion: 1,
    host: "web",
    address: "203.0.113.10",
    user: "deploy",
    hostKey: "ssh-ed25519 OWN",
    bootstrapKey: "ssh-ed25519 THROWAWAY",
    drvPath: drv("b"),
    outPath: newSystem,
  };
  const privateKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nPLANTED\n-----END OPENSSH PRIVATE KEY-----";
  const secrets = JSON.stringify({ hostKey: privateKey, secrets: { "tailscale-auth-key": "PLANTED-TOO" } });

  /** The ssh of a machine in the installer, which has its own host key after the reboot. */
  const installerMachine = `case "$*" in
  *known_hosts.bootstrap*) echo '{"id":"nixos","variant":"installer","bootId":"b"}' ;;
  *) if [ -e "${"$"}{0%/*}/../rebooted" ]; then ${say(status({ system: newSystem }))}; else echo 'Host key verification failed.' >&2; exit 255; fi ;;
esac`;

  test("copies host key and first secrets from standard input with the right modes, and never as arguments", () => {
    own.program("nix", "true");
    own.program(
      "nixos-anywhere",
      `case "$*" in *"--phases install"*) cp -a "$(printf '%s' "$*" | sed 's/.*--extra-files \\([^ ]*\\).*/\\1/')" "${own.directory}/machine" ;; *"--phases reboot"*) touch "${own.directory}/rebooted" ;; esac`,
    );
    own.program("ssh", installerMachine);
    const ran = run(installMain, { PANTHEROS_INSTALL: JSON.stringify(input) }, secrets);
    expect(ran.status).toBe(0);
    expect(installResult.parse(JSON.parse(ran.stdout))).toMatchObject({ outcome: "installed" });
    const mode = (name: string) => fs.statSync(path.join(own.directory, "machine", name)).mode & 0o777;
    const kept = "var/lib/pantheros/secrets";
    expect(own.read("machine/etc/ssh/ssh_host_ed25519_key")).toBe(`${privateKey}\n`);
    expect(own.read(`machine/${kept}/tailscale-auth-key`)).toBe("PLANTED-TOO");
    expect(
      [
        "",
        "etc",
        "etc/ssh",
        "etc/ssh/ssh_host_ed25519_key",
        "var/lib",
        kept,
        `${kept}/tailscale-auth-key`,
      ].map(mode),
    ).toEqual([...[0o755, 0o755, 0o755, 0o600, 0o755, 0o700, 0o600]]);
    expect(own.read("log") + ran.stdout + ran.stderr).not.toContain("PLANTED");
    expect(own.leftovers()).toEqual([]);
  });

  test("an installed machine is left alone", () => {
    own.program("ssh", say(status({ system: oldSystem })));
    const ran = run(installMain, { PANTHEROS_INSTALL: JSON.stringify(input) }, secrets);
    expect(JSON.parse(ran.stdout)).toMatchObject({ outcome: "already" });
    expect(own.read("log").trim().split("\n")).toHaveLength(1);
  });

  test("without secrets it does not start, and its errors repeat none", () => {
    for (const given of ["", "{}", JSON.stringify({ hostKey: "PLANTED" })]) {
      const ran = run(installMain, { PANTHEROS_INSTALL: JSON.stringify(input) }, given);
      expect(ran).toMatchObject({ status: 2, stdout: "" });
      expect(ran.stderr).not.toContain("PLANTED");
    }
    expect(run(installMain, { PANTHEROS_INSTALL: "{}" }, secrets)).toMatchObject({ status: 2, stdout: "" });
  });

  test("killed during a phase: the processes that it started end", async () => {
    own.program("nix", "true");
    own.program("ssh", installerMachine);
    // The first command of the phase kills it.
    own.program(
      "nixos-anywhere",
      `echo $$ >"${own.directory}/phase.pid.new"; mv "${own.directory}/phase.pid.new" "${own.directory}/phase.pid"; kill -9 $PPID; exec sleep 1000`,
    );
    const child = spawn(process.execPath, [installMain], {
      env: own.environment({ PANTHEROS_INSTALL: JSON.stringify(input) }),
      stdio: ["pipe", "ignore", "ignore"],
    });
    const ended = new Promise((resolve) => child.on("exit", (_, signal) => resolve(signal)));
    child.stdin?.end(secrets);
    expect(await ended).toBe("SIGKILL");
    await until(() => gone(Number(own.read("phase.pid"))));
  }, 60_000);
});
