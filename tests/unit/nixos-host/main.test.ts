import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { deployResult, installResult } from "../../../components/nixos-host/result.ts";
import { drv, newSystem, oldSystem, spec, status } from "./fixtures.ts";

/** The two programs as a resource starts them, with programs of our own first on PATH. */
let directory: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "pantheros-main-"));
  fs.mkdirSync(path.join(directory, "tmp"));
  fs.mkdirSync(path.join(directory, "bin"));
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

/** A program that logs its words, and does what `script` says. */
function program(name: string, script: string): void {
  const log = `printf '%s ' "$0" "$@" >>"${directory}/log"; echo >>"${directory}/log"`;
  fs.writeFileSync(path.join(directory, "bin", name), `#!/bin/sh\n${log}\n${script}\n`, { mode: 0o755 });
}
const say = (json: unknown): string => `printf '%s\\n' '${JSON.stringify(json)}'`;
const read = (name: string): string => fs.readFileSync(path.join(directory, name), "utf8");
const leftovers = (): string[] => fs.readdirSync(path.join(directory, "tmp"));

const environment = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  PATH: `${directory}/bin:${process.env["PATH"]}`,
  TMPDIR: path.join(directory, "tmp"),
  ...more,
});
const deployMain = "components/nixos-host/deploy/main.ts";
const installMain = "components/nixos-host/install/main.ts";

function run(main: string, more: NodeJS.ProcessEnv, input = "") {
  return spawnSync(process.execPath, [main], {
    env: environment(more),
    input,
    encoding: "utf8",
    timeout: 60_000,
  });
}

/** Waits for an order of events; the limit is for a broken program only. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); await new Promise((again) => setTimeout(again, 50))) {
    if (Date.now() > end) throw new Error("it did not get there");
  }
}
const gone = (pid: number): boolean => {
  try {
    return / Z /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
};

const health = [{ name: "web", ok: true, detail: "status 200" }];
const supervisor = `case "$*" in
  *" activate "*) ${say({ outcome: "waiting", running: newSystem })} ;;
  *" confirm "*) ${say({ outcome: "confirmed", running: newSystem, generation: 2, health })} ;;
esac`;

describe("deploy", () => {
  test("prints one JSON line, keeps progress to stderr, and leaves nothing behind", () => {
    program("nix", `echo ${newSystem}`);
    program("ssh", supervisor);
    const ran = run(deployMain, {
      PANTHEROS_DEPLOY: JSON.stringify(spec()),
      PANTHEROS_SSH_KEY: "/keys/deploy",
    });
    expect(ran.status).toBe(0);
    expect(ran.stdout.trim().split("\n")).toHaveLength(1);
    expect(deployResult.parse(JSON.parse(ran.stdout))).toMatchObject({
      outcome: "confirmed",
      generation: 2,
      health,
    });
    expect(ran.stderr).toBe("web: build\nweb: copy\nweb: activate\nweb: confirm\n");
    expect(leftovers()).toEqual([]);
    expect(read("log")).toContain("IdentityFile=/keys/deploy");
  });

  test("exits 0 whatever became of the host", () => {
    program("nix", "echo 'error: no such derivation' >&2; exit 1");
    const ran = run(deployMain, {}, JSON.stringify(spec()));
    expect(ran.status).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      outcome: "failed",
      step: "build",
      reason: "error: no such derivation",
    });
  });

  test.each([
    ["no JSON", "{"],
    ["a key that is missing", "{}"],
  ])("an input with %s: exit 2, nothing on stdout", (_, input) => {
    const ran = run(deployMain, { PANTHEROS_DEPLOY: input });
    expect(ran).toMatchObject({ status: 2, stdout: "" });
    expect(ran.stderr).toContain("cannot be read");
  });

  test("only the pinned key is in the file that ssh reads", () => {
    program(
      "nix",
      `case "$*" in *" copy "*) cp "$(sed -n 's/^ *UserKnownHostsFile //p' "\${NIX_SSHOPTS#-F }")" "${directory}/pins"; esac; echo ${newSystem}`,
    );
    program("ssh", supervisor);
    run(deployMain, { PANTHEROS_DEPLOY: JSON.stringify(spec()) });
    expect(read("pins")).toBe("web ssh-ed25519 AAAAC3Nza\n");
  });

  test.each([
    ["the engine is killed", (parent: ChildProcess) => parent.kill("SIGKILL")],
    ["it is told to end", (_: ChildProcess, pid: number) => process.kill(pid, "SIGTERM")],
  ])("%s: it ends with what it started, before anything is confirmed", async (_, end) => {
    program(
      "nix",
      `echo $PPID >"${directory}/deploy.pid"; echo $$ >"${directory}/nix.pid.new"; mv "${directory}/nix.pid.new" "${directory}/nix.pid"; exec sleep 1000`,
    );
    program("ssh", supervisor);
    const parent = spawn("/bin/sh", ["-c", `"${process.execPath}" ${deployMain}; true`], {
      env: environment({ PANTHEROS_DEPLOY: JSON.stringify(spec()) }),
      stdio: "ignore",
    });
    await until(() => fs.existsSync(path.join(directory, "nix.pid")));
    const [deploy, nix] = [Number(read("deploy.pid")), Number(read("nix.pid"))];
    end(parent, deploy);
    await until(() => gone(deploy) && gone(nix));
    expect(read("log")).not.toContain("confirm");
    expect(leftovers()).toEqual([]);
  });
});

describe("install", () => {
  const input = {
    ...{ schemaVersion: 1, host: "web", address: "203.0.113.10" },
    ...{
      hostKey: "ssh-ed25519 OWN",
      bootstrapKey: "ssh-ed25519 THROWAWAY",
      drvPath: drv("b"),
      outPath: newSystem,
    },
  };
  const privateKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nPLANTED\n-----END OPENSSH PRIVATE KEY-----";
  const secrets = JSON.stringify({ hostKey: privateKey, secrets: { "tailscale-auth-key": "PLANTED-TOO" } });

  /** ssh for a machine in the installer, which answers with its own key once it was rebooted. */
  const installerMachine = `case "$*" in
  *known_hosts.bootstrap*) echo '{"id":"nixos","variant":"installer","bootId":"b"}' ;;
  *) if [ -e "${"$"}{0%/*}/../rebooted" ]; then ${say(status({ system: newSystem }))}; else echo 'Host key verification failed.' >&2; exit 255; fi ;;
esac`;

  test("brings the host key and first secrets from standard input with the right modes, and never in words", () => {
    program("nix", "true");
    program(
      "nixos-anywhere",
      `case "$*" in *"--phases install"*) cp -a "$(printf '%s' "$*" | sed 's/.*--extra-files \\([^ ]*\\).*/\\1/')" "${directory}/machine" ;; *"--phases reboot"*) touch "${directory}/rebooted" ;; esac`,
    );
    program("ssh", installerMachine);
    const ran = run(installMain, { PANTHEROS_INSTALL: JSON.stringify(input) }, secrets);
    expect(ran.status).toBe(0);
    expect(installResult.parse(JSON.parse(ran.stdout))).toMatchObject({ outcome: "installed" });
    const mode = (name: string) => fs.statSync(path.join(directory, "machine", name)).mode & 0o777;
    const kept = "var/lib/pantheros/secrets";
    expect(read("machine/etc/ssh/ssh_host_ed25519_key")).toBe(`${privateKey}\n`);
    expect(read(`machine/${kept}/tailscale-auth-key`)).toBe("PLANTED-TOO");
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
    expect(read("log") + ran.stdout + ran.stderr).not.toContain("PLANTED");
    expect(leftovers()).toEqual([]);
  });

  test("a machine that is installed already is left alone", () => {
    program("ssh", say(status({ system: oldSystem })));
    const ran = run(installMain, { PANTHEROS_INSTALL: JSON.stringify(input) }, secrets);
    expect(JSON.parse(ran.stdout)).toMatchObject({ outcome: "already" });
    expect(read("log").trim().split("\n")).toHaveLength(1);
  });

  test("without secrets nothing begins, and none is repeated", () => {
    for (const given of ["", "{}", JSON.stringify({ hostKey: "PLANTED" })]) {
      const ran = run(installMain, { PANTHEROS_INSTALL: JSON.stringify(input) }, given);
      expect(ran).toMatchObject({ status: 2, stdout: "" });
      expect(ran.stderr).not.toContain("PLANTED");
    }
    expect(run(installMain, { PANTHEROS_INSTALL: "{}" }, secrets)).toMatchObject({ status: 2, stdout: "" });
  });

  test("killed with all that belongs to it: what it had started ends", async () => {
    program("nix", "true");
    program("ssh", installerMachine);
    program(
      "nixos-anywhere",
      `echo $PPID >"${directory}/install.pid"; echo $$ >"${directory}/phase.pid.new"; mv "${directory}/phase.pid.new" "${directory}/phase.pid"; exec sleep 1000`,
    );
    const child = spawn(process.execPath, [installMain], {
      env: environment({ PANTHEROS_INSTALL: JSON.stringify(input) }),
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin?.end(secrets);
    await until(() => fs.existsSync(path.join(directory, "phase.pid")));
    process.kill(Number(read("install.pid")), "SIGKILL");
    await until(() => gone(Number(read("phase.pid"))));
    expect(gone(Number(read("install.pid")))).toBe(true);
  }, 60_000);
});
