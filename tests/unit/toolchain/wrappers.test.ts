import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { closingLine, countsOf, sum } from "../../../tools/testing/counts.ts";
import { isDead, parseLock } from "../../../tools/toolchain/locks.ts";

const root = process.cwd();
// The wrappers run TypeScript with the node that runs these tests.
const nodeFirst = `${path.dirname(process.execPath)}:${process.env["PATH"]}`;
let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-wrapper-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

describe("the arguments of tools/pulumi", () => {
  const read = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const script =
      '. "$0"; pantheros_read_arguments "$@"; echo "$pantheros_command,$pantheros_subcommand,$pantheros_stack"';
    const file = path.join(root, "tools/pulumi-arguments.sh");
    const result = spawnSync("sh", ["-euc", script, file, ...args], {
      encoding: "utf8",
      env: { PATH: nodeFirst, ...env },
    });
    return result.stdout.trim() || result.stderr;
  };

  test.each<[string, string]>([
    ["preview", "preview,,sandbox"],
    ["preview --stack production --diff", "preview,,production"],
    ["--stack=production up --yes", "up,,production"],
    ["-s staging stack output hosts", "stack,output,staging"],
    ["stack select homelab", "stack,select,homelab"],
    ["--color never -C /tmp up", "up,,sandbox"],
    ["cancel staging", "cancel,staging,staging"],
    ["up --help", "help,,sandbox"],
    ["config set name value", "config,set,sandbox"],
  ])("%s", (line, answer) => expect(read(line.split(" "))).toBe(answer));

  test("PULUMI_STACK comes before the sandbox and after --stack", () => {
    expect(read(["up"], { PULUMI_STACK: "staging" })).toBe("up,,staging");
    expect(read(["up", "-s", "production"], { PULUMI_STACK: "staging" })).toBe("up,,production");
  });
});

describe("tools/build-key", () => {
  const call = (signingKey: string, ...args: string[]) =>
    spawnSync(path.join(root, "tools/build-key"), args, {
      encoding: "utf8",
      env: {
        PATH: nodeFirst,
        HOME: scratch,
        PANTHEROS_PULUMI: "registry",
        PANTHEROS_SIGNING_KEY: signingKey,
      },
    });
  const keyFile = (text: string) => {
    const file = path.join(scratch, "signing-key");
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };

  test("prints the inventory's line for each host, and nothing secret", () => {
    const secret =
      "fleet-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA==";
    const { status, stdout, stderr } = call(keyFile(`${secret}\n`), "web", "db");
    expect([status, stderr]).toEqual([0, ""]);
    const [web, db] = stdout.split("\n");
    expect(web).toBe('build_key = "fleet-1-web:YKb9q+b4ders3EtQPlvyAKRcg8KMuXigKAkGBxkO9vg=" # hosts.web');
    expect(db).toMatch(/^build_key = "fleet-1-db:[A-Za-z0-9+/]{43}=" # hosts\.db$/);
  });

  test.each([
    ["no key", "", /^tools\/build-key: PANTHEROS_SIGNING_KEY is not set/],
    ["no file", "/nowhere", /^tools\/build-key: PANTHEROS_SIGNING_KEY \(\/nowhere\): ENOENT/],
    ["another file", "package.json", /: not a Nix secret key \(NAME:BASE64 of 64 bytes\)\n$/],
  ])("%s: one line names the problem", (_, file, message) => {
    const { status, stdout, stderr } = call(file, "web");
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("help, and arguments that are not hosts", () => {
    expect(call("", "--help")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^tools\/build-key HOST/),
    });
    expect(call("")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^tools\/build-key: name the hosts/),
    });
    expect(call("", "Web")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('"Web" is not a valid host name'),
    });
  });
});

describe("tools/pulumi", () => {
  /** The CLI in the cache. */
  function cliFile(): string {
    const version = /PANTHEROS_PULUMI_VERSION=(.*)/.exec(readFileSync("tools/versions.sh", "utf8"))?.[1];
    return path.join(scratch, `cache/pantheros/pulumi-${version}/bin/pulumi`);
  }
  /** A cache with a `pulumi` that records its environment and arguments. */
  function fakeCli(): NodeJS.ProcessEnv {
    mkdirSync(path.dirname(cliFile()), { recursive: true });
    writeFileSync(cliFile(), '#!/bin/sh\nenv | sort >"$FAKE_OUT"\necho "ARGS $*" >>"$FAKE_OUT"\n');
    chmodSync(cliFile(), 0o755);
    return {
      PATH: nodeFirst,
      HOME: scratch,
      XDG_CACHE_HOME: path.join(scratch, "cache"),
      PANTHEROS_PULUMI: "registry",
      PANTHEROS_SANDBOX_DIR: path.join(scratch, "sandbox"),
      PANTHEROS_SANDBOX_NAME: "wrappertest",
      FAKE_OUT: path.join(scratch, "out"),
      PANTHEROS_RECORD: "off",
    };
  }
  const call = (env: NodeJS.ProcessEnv, ...args: string[]) => {
    const result = spawnSync(path.join(root, "tools/pulumi"), args, { encoding: "utf8", env });
    const out = path.join(scratch, "out");
    return { ...result, seen: existsSync(out) ? readFileSync(out, "utf8") : "" };
  };
  function makeSandbox(): string {
    const directory = path.join(scratch, "sandbox");
    mkdirSync(path.join(directory, "pulumi/.pulumi/stacks/pantheros"), { recursive: true });
    writeFileSync(path.join(directory, "pulumi/.pulumi/stacks/pantheros/sandbox.json"), "{}");
    writeFileSync(
      path.join(directory, "secrets.env"),
      "HCLOUD_TOKEN=sandbox-token\nPULUMI_CONFIG_PASSPHRASE=words\nTAILSCALE_OAUTH_CLIENT_ID=k1\n",
    );
    return directory;
  }

  test("a run is recorded: the engine's log goes to an open file, which has no name and only its owner can read", () => {
    const env = { ...fakeCli(), PANTHEROS_RECORD: "on", PANTHEROS_STATE_DIR: path.join(scratch, "state") };
    const pulumi = path.join(scratch, "pulumi-that-writes");
    const event = '{"sequence":0,"timestamp":1767225600,"preludeEvent":{"config":{"a":"planted-in-config"}}}';
    writeFileSync(
      pulumi,
      `#!/bin/sh
log=$(printf '%s\\n' "$@" | sed -n 's/^--event-log=//p')
stat -L -c '%a %h %U' "$log" >"$FAKE_OUT"
id -un >>"$FAKE_OUT"
echo '${event}' >"$log"
`,
      { mode: 0o755 },
    );
    copyFileSync(pulumi, cliFile());
    const { status, stderr, seen } = call(env, "up", "--stack", "production");
    expect([status, stderr]).toEqual([0, ""]);
    const [line = "", user] = seen.split("\n");
    expect(line).toBe(`600 0 ${user}`);
    const directory = path.join(scratch, "state/runs/production");
    const [run = ""] = readdirSync(directory);
    const text = readFileSync(path.join(directory, run), "utf8");
    expect(text).toContain('"command":"up"');
    expect(text).not.toContain("planted-in-config");
  });

  test.each([
    ["PANTHEROS_RECORD=off", { PANTHEROS_RECORD: "off" }, ["up"]],
    ["another event log", {}, ["preview", "--event-log", "/dev/null"]],
    ["a command that changes nothing", {}, ["stack", "output"]],
  ])("%s: nothing is recorded", (_, more, args) => {
    const { status, seen } = call(
      { ...fakeCli(), PANTHEROS_RECORD: "on", PANTHEROS_STATE_DIR: path.join(scratch, "state"), ...more },
      ...args,
      "--stack",
      "production",
    );
    expect(status).toBe(0);
    expect(seen).not.toContain("/dev/fd/9");
    expect(existsSync(path.join(scratch, "state"))).toBe(false);
  });

  test("other stacks get nothing of the sandbox", () => {
    makeSandbox();
    const { status, seen } = call({ ...fakeCli(), HCLOUD_TOKEN: "mine" }, "preview", "--stack", "production");
    expect(status).toBe(0);
    expect(seen).toContain("HCLOUD_TOKEN=mine\n");
    expect(seen).not.toContain("PULUMI_BACKEND_URL");
    expect(seen).toContain("ARGS preview --stack production --parallel 32\n");
  });

  test("PANTHEROS_PARALLEL or --parallel sets the number of parallel deploys, and is passed once", () => {
    const options = (env: NodeJS.ProcessEnv, ...args: string[]) =>
      call({ ...fakeCli(), ...env }, ...args, "--stack", "production").seen.match(/^ARGS (.*)$/m)?.[1];
    expect(options({ PANTHEROS_PARALLEL: "7" }, "up")).toBe("up --stack production --parallel 7");
    for (const given of [["--parallel=2"], ["--parallel", "2"], ["-p", "2"], ["-p2"]]) {
      expect(options({}, "up", ...given)).toBe(`up ${given.join(" ")} --stack production`);
    }
    expect(options({}, "stack", "output")).toBe("stack output --stack production");
  });

  test("destroy refreshes first, unless an option says otherwise", () => {
    const passed = (...args: string[]) =>
      call(fakeCli(), ...args, "--stack", "production").seen.match(/^ARGS (.*)$/m)?.[1];
    expect(passed("destroy", "--yes")).toBe("destroy --yes --stack production --parallel 32 --refresh");
    expect(passed("down")).toMatch(/ --refresh$/);
    for (const given of ["--refresh=false", "--refresh", "-r"])
      expect(passed("destroy", given)).toBe(`destroy ${given} --stack production --parallel 32`);
    expect(passed("up")).not.toContain("--refresh");
  });

  test("the sandbox gets its tokens and state through the environment, with the passphrase in a file", () => {
    const directory = makeSandbox();
    const { status, seen } = call(fakeCli(), "stack", "output", "--json");
    expect(status).toBe(0);
    expect(seen).toContain("HCLOUD_TOKEN=sandbox-token\n");
    expect(seen).toContain(`PULUMI_BACKEND_URL=file://${directory}/pulumi?metadata=skip\n`);
    expect(seen).toContain(`PULUMI_CONFIG_PASSPHRASE_FILE=${directory}/passphrase\n`);
    expect(seen).not.toContain("PULUMI_CONFIG_PASSPHRASE=");
    expect(seen).not.toContain("TAILSCALE_OAUTH_CLIENT_ID");
    expect(seen).toContain("AWS_REQUEST_CHECKSUM_CALCULATION=when_required\n");
    expect(seen).toContain("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true\n");
    expect(seen).toContain("ARGS stack output --json\n");
  });

  test("the official CLI keeps its home, and downloads no plugins during a run", () => {
    const env = { ...fakeCli(), PANTHEROS_PULUMI: "official" };
    const bin = path.join(scratch, "cache/pantheros");
    const version = /PANTHEROS_PULUMI_VERSION=(.*)/.exec(readFileSync("tools/versions.sh", "utf8"))?.[1];
    spawnSync("cp", [
      "-r",
      path.join(bin, `pulumi-${version}`),
      path.join(bin, `pulumi-official-${version}`),
    ]);
    const { seen } = call(env, "preview", "--stack", "production");
    expect(seen).toContain("ARGS preview");
    expect(seen).toContain("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true\n");
    expect(seen).not.toContain("PULUMI_HOME");
  });

  test.each([["rollback"], ["recover"]])("%s says where it went, and starts nothing", (command) => {
    for (const words of [
      [command, "web"],
      ["--stack", "production", command],
      [command, "--help"],
    ]) {
      expect(call(fakeCli(), ...words)).toMatchObject({
        status: 2,
        stdout: "",
        stderr: `tools/pulumi: ${command} is a command of the project: run tools/pantheros ${command}\n`,
        seen: "",
      });
    }
  });

  test.each<[string[], string | undefined, string]>([
    [
      ["up", "--yes", "--on", "web,@server", "--stack", "production"],
      "web,@server",
      "up --yes --stack production --parallel 32",
    ],
    [
      ["preview", "--on=db-*", "-s", "production", "--diff"],
      "db-*",
      "preview -s production --diff --parallel 32",
    ],
    [["up", "--stack", "production"], undefined, "up --stack production --parallel 32"],
  ])(
    "tools/pantheros %j passes the selection in the environment, and every other option on",
    (words, on, args) => {
      const env = fakeCli();
      const { status, stderr } = spawnSync(path.join(root, "tools/pantheros"), words, {
        encoding: "utf8",
        env,
      });
      expect([status, stderr]).toEqual([0, ""]);
      const seen = readFileSync(path.join(scratch, "out"), "utf8");
      expect(seen.match(/^PANTHEROS_ON=(.*)$/m)?.[1]).toBe(on);
      expect(seen).toContain(`ARGS ${args}\n`);
    },
  );

  test("tools/pantheros prepares a stack as tools/pulumi does: without a running sandbox it prints the remedy", () => {
    const pantheros = (...args: string[]) =>
      spawnSync(path.join(root, "tools/pantheros"), args, { encoding: "utf8", env: fakeCli() });
    expect(pantheros("status")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^tools\/pantheros: there is no sandbox in .*: run make sandbox/),
    });
    makeSandbox();
    expect(pantheros("rollback", "web")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^tools\/pantheros: the sandbox is not running/),
    });
  });

  test("without a running sandbox it prints the remedy and starts nothing", () => {
    const none = call(fakeCli(), "preview");
    expect(none).toMatchObject({ status: 1, seen: "" });
    expect(none.stderr).toContain("make sandbox");
    makeSandbox();
    const off = call(fakeCli(), "preview");
    expect(off).toMatchObject({ status: 1, seen: "" });
    expect(off.stderr).toContain("not running");
  });

  test("removes the lock of a dead process, keeps those of a running Pulumi and of other machines", () => {
    const locks = path.join(makeSandbox(), "pulumi/.pulumi/locks/organization/pantheros/sandbox");
    mkdirSync(locks, { recursive: true });
    const write = (name: string, lock: object) => {
      writeFileSync(path.join(locks, `${name}.json`), JSON.stringify(lock));
      writeFileSync(path.join(locks, `${name}.json.attrs`), "{}");
    };
    const lock = { username: "root", timestamp: "2026-01-01T00:00:00Z", hostname: hostname() };
    write("dead", { ...lock, pid: 4_194_304 });
    write("elsewhere", { ...lock, pid: 4_194_304, hostname: "another.example.test" });
    const { stderr } = call(fakeCli(), "stack", "output");
    expect(stderr).toContain("removed the lock of root's process 4194304");
    expect(["dead", "elsewhere"].map((name) => existsSync(path.join(locks, `${name}.json`)))).toEqual([
      false,
      true,
    ]);
    expect(existsSync(path.join(locks, "dead.json.attrs"))).toBe(false);
  });

  describe("plugins whose engine was killed", () => {
    const isAlive = (pid: number): boolean => {
      try {
        // A zombie is not alive.
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
      } catch {
        return false;
      }
    };
    /** A copy of the shell under a different name; plugins are recognized by their names. */
    const named = (name: string): string => {
      const file = path.join(scratch, name);
      copyFileSync(realpathSync("/bin/sh"), file);
      chmodSync(file, 0o755);
      return file;
    };
    /** Starts a shell script in the background that prints two pids; returns them. */
    const start = (command: string, env: NodeJS.ProcessEnv): number[] => {
      const seen = path.join(scratch, "pids");
      rmSync(seen, { force: true });
      spawnSync("sh", ["-c", `${command} >"$SEEN" 2>/dev/null </dev/null &`], {
        env: { PATH: process.env["PATH"], SEEN: seen, ...env },
      });
      for (;;) {
        const pids = existsSync(seen)
          ? readFileSync(seen, "utf8").split("\n").filter(Boolean).map(Number)
          : [];
        if (pids.length === 2) return pids;
        spawnSync("sleep", ["0.05"]);
      }
    };
    // Prints its own pid and that of a child, and waits for the child.
    const body = "echo $$; sleep 120 & echo $!; wait";

    test("are ended with their children; plugins of a running engine or a different checkout stay", () => {
      const [plugin, engine] = [named("pulumi-resource-official"), named("pulumi")];
      const orphan = start(`${plugin} -c '${body}'`, { PANTHEROS_ROOT: root });
      const strangers = start(`${plugin} -c '${body}'`, { PANTHEROS_ROOT: "/elsewhere" });
      const live = start(`${engine} -c '${plugin} -c "${body.replaceAll("$", "\\$")}"; true'`, {
        PANTHEROS_ROOT: root,
      });
      try {
        expect([...orphan, ...strangers, ...live].every(isAlive)).toBe(true);
        const { stderr } = call(fakeCli(), "preview", "--stack", "production");
        expect(stderr).toContain(`ending processes that an interrupted run left: ${orphan.join(" ")}\n`);
        expect(orphan.filter(isAlive)).toEqual([]);
        expect([...strangers, ...live].every(isAlive)).toBe(true);
        expect(call(fakeCli(), "preview", "--stack", "production").stderr).not.toContain("interrupted");
      } finally {
        for (const pid of [...orphan, ...strangers, ...live].filter(isAlive)) process.kill(pid, "SIGKILL");
      }
    });
  });
});

describe("stack locks", () => {
  const lock = { pid: 7, username: "root", hostname: "here", timestamp: "t" };
  test("a lock is dead only if it is this machine's and its process is not Pulumi", () => {
    expect(isDead(lock, "here", () => undefined)).toBe(true);
    expect(isDead(lock, "here", () => "sshd")).toBe(true);
    expect(isDead(lock, "here", () => "pulumi")).toBe(false);
    expect(isDead(lock, "there", () => undefined)).toBe(false);
  });
  test.each(["", "{}", "[1]", '{"pid":"7"}', "null"])("%j is not a lock", (text) =>
    expect(parseLock(text)).toBeUndefined(),
  );
});

describe("counts of tests", () => {
  test("several runs are summed", () => {
    const counts = [
      countsOf('{"passed":2,"failed":0,"skipped":1}', 0),
      countsOf('{"passed":1,"failed":3,"skipped":0}', 1),
    ];
    expect(closingLine(sum(counts))).toBe("3 passed, 3 failed");
  });
  test.each<[string, string | undefined, number]>([
    ["wrote nothing", undefined, 0],
    ["failed without a failed test", '{"passed":5,"failed":0,"skipped":0}', 1],
    ["was interrupted", '{"passed":5,"failed":0,"skipped":0,"interrupted":true}', 0],
  ])("a run that %s is a failure", (_name, text, code) => expect(countsOf(text, code).failed).toBe(1));
});
