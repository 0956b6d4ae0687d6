import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  closeConnectionArgv,
  openConnectionArgv,
  type SshPeer,
  sharedFiles,
  shellWord,
} from "../../deployer/ssh.ts";
import { sha256 } from "../../lib/sha256.ts";
import { ED25519 } from "../unit/ssh-keys.ts";
import { expectReported, expectSuccess, Rehearsal, ROW_TIMEOUT_MS } from "./rehearsal.ts";

jest.setTimeout(ROW_TIMEOUT_MS);

const fleet = new Rehearsal("rights");
const supervisor = "/run/current-system/sw/bin/pantheros-supervisor";
const probe = () => fleet.file("probe-key");
const nixWords = ["nix", "--extra-experimental-features", "nix-command"];
const nix = ["tools/with", ...nixWords];

/** A fleet of one adopted machine. */
const single = `schema = 1

[fleet]
description = "One machine"
domain = "example.test"
vault = "sandbox"

[environments.sandbox]
owns_singletons = true
disposable = true

[deploy]
sources = ["198.51.100.1/32"]
address = "public"
probe_keys = [PROBE]

[hosts.web]
environment = "sandbox"
profiles = ["server"]
tags = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.20" }
extra = { motd = "web of the sandbox" }
`;

/** A second machine, which is in the stack in some tests only. */
const inner = `
[hosts.inner]
environment = "sandbox"
profiles = ["server"]
tags = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.21" }
extra = { motd = "inner of the sandbox" }
`;

/** A connection with the probe key. */
const probed = () => single.replace("PROBE", `"${readFileSync(`${probe()}.pub`, "utf8").trim()}"`);

beforeAll(async () => {
  await fleet.startFleet(() => single.replace("PROBE", "") + inner, "--no-deploy");
  const made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "probe", "-f", probe()];
  expectSuccess(await fleet.run(made, 60));
  fleet.replaceEdit(probed);
  expectSuccess(await fleet.up());
  const { hosts } = await fleet.outputs();
  const { hostKey = "", addresses } = hosts["web"] ?? { addresses: {} };
  address = addresses.ipv4 ?? "";
  writeFileSync(fleet.file("pins"), `${address},web ${hostKey}\n`);
});
afterAll(() => fleet.stopFleet());

let address = "";
const pinned = () => ["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${fleet.file("pins")}`];

/** Runs a command as the deploy user on web. */
const deployer = (command: string) => fleet.asDeployUser("web", command);

/** The machine's running system and boot default, and the supervisor's last result. */
const untouched = async () =>
  (
    await fleet.onMachine(
      "web",
      "readlink /run/current-system /boot/pantheros-default; cat /var/lib/pantheros/last",
    )
  ).output;

test("a deploy user with only the rights it needs: it can do nothing else as root", async () => {
  const before = await untouched();
  expectSuccess(await deployer(`sudo -n ${supervisor} status`));
  expect((await deployer("id -un")).output.trim()).toBe("deploy");
  // No login: no session, and so no service manager of the user.
  expect((await deployer("env")).output).not.toContain("XDG_SESSION_ID");
  const system = await fleet.running("web");
  const forbidden = [
    "sudo -n true",
    "sudo -n sh -c id",
    `sudo -n sh ${supervisor} status`,
    `sudo -n ${system}/bin/switch-to-configuration switch`,
    `sudo -n -u nobody ${supervisor} status`,
    `sudo -n PANTHEROS_ROOT=/tmp ${supervisor} status`,
    "sudo -n nix-env -p /nix/var/nix/profiles/system --rollback",
    "sudo -n systemctl restart ssh",
    "sudo -n -e /etc/passwd",
  ];
  for (const command of forbidden) {
    const ran = await deployer(command);
    expect([command, ran.code, ran.output]).toEqual([command, 1, expect.stringMatching(/sudo:/)]);
    expect(ran.output).not.toMatch(/uid=0|"version"/);
  }
  expect((await deployer("cat /var/lib/pantheros/record")).output).toMatch(/Permission denied/);
  expect(await deployer(`printf planted-secret | sudo -n ${supervisor} secret planted 14`)).toMatchObject({
    code: 0,
  });
  const secrets = "/var/lib/pantheros/secrets";
  expect(
    (await fleet.onMachine("web", `cat ${secrets}/planted; stat -c ' %a %U' ${secrets}/planted`)).output,
  ).toBe("planted-secret 600 root\n");
  // The deploy user can neither read a secret that it delivered nor list secrets.
  for (const command of [`cat ${secrets}/planted`, `ls ${secrets}`, `sudo -n cat ${secrets}/planted`]) {
    const ran = await deployer(command);
    expect(ran.code).not.toBe(0);
    expect(ran.output).not.toContain("planted-secret");
  }
  expect((await deployer(`sudo -n ${supervisor} status`)).output).not.toContain("planted-secret");
  expect((await deployer(`ln -sfn /tmp /run/current-system`)).output).toMatch(/Permission denied/);
  expect(await untouched()).toBe(before);
});

test("a deploy user with only the rights it needs: the host's Nix daemon does not trust it", async () => {
  const deploys = fleet.file("keys", "deploy");
  const store = `${nixWords.join(" ")} store info --json --store unix://`;
  const info = await withNixDaemon(deploys, (daemon) => store + daemon);
  expectSuccess(info);
  expect(info.output).toMatch(/"trusted":(0|false)/);
});

test("a deploy user with only the rights it needs: it can run only the supervisor's verbs, with valid arguments", async () => {
  const before = await untouched();
  const words = [
    "run",
    "settle",
    "activate",
    "activate /tmp/system token",
    "activate /nix/store/../../tmp/x token",
    "activate '/nix/store/x y' token",
    "confirm nobody-waits-for-this",
    "confirm '../record'",
    "secret ../../../etc/shadow",
    "secret ../../../etc/shadow 10",
    "secret planted -1",
    "rollback 'a b'",
    "anything",
  ];
  for (const verb of words) {
    const ran = await deployer(`echo x | sudo -n ${supervisor} ${verb}`);
    expect([verb, ran.code, ran.output]).toEqual([verb, 2, expect.stringMatching(/"outcome":"refused"/)]);
  }
  expect(await untouched()).toBe(before);
});

/**
 * A new unsigned path, built on the runner. It is not content-addressed, since such a path needs no
 * signature.
 */
async function buildUnsigned(script = "echo >$out"): Promise<string> {
  const args = JSON.stringify(`${script} # ${randomUUID()}`);
  const text = `builtins.derivation { name = "unsigned"; system = builtins.currentSystem; builder = "/bin/sh"; args = ["-c" ${args}]; }`;
  const build = ["--option", "sandbox", "false", "build", "--impure", "--no-link", "--print-out-paths"];
  const built = await fleet.run([...nix, ...build, "--expr", text], 60);
  const path = built.output.trim().split("\n").at(-1) ?? "";
  expect(path).toMatch(/^\/nix\/store\/[a-z0-9]{32}-unsigned$/);
  return path;
}

/** A minimal system that can be activated; its switch prints a line and fails. */
const failingSystem = (says: string) =>
  buildUnsigned(
    "/bin/mkdir -p $out/bin && echo x >$out/nixos-version && cd $out/bin" +
      ` && echo '#!/bin/sh' >switch-to-configuration && echo 'echo ${says}; exit 1' >>switch-to-configuration` +
      " && /bin/chmod +x switch-to-configuration",
  );

const sign = (path: string, file: string) =>
  fleet.run([...nix, "store", "sign", "--key-file", file, path], 60);

/** The path's signatures in the runner's store, which a copy sends along. */
async function provenance(path: string): Promise<{ signatures: readonly string[]; ca?: string | null }> {
  const { output } = await fleet.run([...nix, "path-info", "--json", path], 60);
  const known = JSON.parse(output.slice(output.indexOf("{"))) as Record<
    string,
    { signatures?: readonly string[]; ca?: string | null }
  >;
  const { signatures = [], ca } = known[path] ?? {};
  return { signatures, ...(ca !== undefined && { ca }) };
}

const peer = (identity: string): SshPeer => ({
  host: "web",
  address,
  user: "deploy",
  pinned: { file: fleet.file("pins") },
  identity,
});

/**
 * Opens a connection that forwards the host's Nix daemon to the socket `daemon`, runs the script, and
 * closes it.
 */
async function withNixDaemon(identity: string, script: (daemon: string) => string) {
  const directory = mkdtempSync(join(tmpdir(), "rights-"));
  const files = sharedFiles(directory, "web");
  if (files === undefined) throw new Error(`${directory} is too long for a socket`);
  const words = (argv: readonly string[]) => argv.map(shellWord).join(" ");
  const ran = await fleet.inDriver(
    ...["tools/with", "sh", "-c"],
    `${words(openConnectionArgv(peer(identity), files))} && { ${script(files.daemon)}; }; code=$?
    ${words(closeConnectionArgv("web", files))} 2>/dev/null; cat ${files.log}; exit $code`,
  );
  rmSync(directory, { recursive: true });
  return ran;
}

/** Copies the path to web as the deploy user, who asks the host to ignore signatures. */
const copies = {
  "in a session": (path: string) => {
    const options = ["-F", "/dev/null", "-i", fleet.file("keys", "deploy"), ...pinned()].join(" ");
    return fleet.run(
      [
        ...["tools/with", "env", `NIX_SSHOPTS=${options}`, "ip", "netns", "exec", `pantheros-${fleet.name}`],
        ...[...nixWords, "copy", "--no-check-sigs"],
        ...["--to", `ssh-ng://deploy@${address}`, path],
      ],
      120,
    );
  },
  "straight to the daemon": (path: string) =>
    withNixDaemon(
      fleet.file("keys", "deploy"),
      (daemon) => `${nixWords.join(" ")} copy --no-check-sigs --to unix://${daemon} ${path}`,
    ),
};

const onHost = async (path: string) =>
  (await fleet.onMachine("web", `nix-store --check-validity ${path} 2>/dev/null && test -e ${path}`)).code ===
  0;

async function expectRefused(path: string): Promise<void> {
  for (const [way, copy] of Object.entries(copies)) {
    const copied = await copy(path);
    expect([way, copied.code]).not.toEqual([way, 0]);
    expect(copied.output).toMatch(/lacks a (valid )?signature/);
    expect([way, await onHost(path)]).toEqual([way, false]);
  }
}

test("a deploy user cannot copy an unsigned closure, nor one that an unknown key signed", async () => {
  const before = await untouched();
  const path = await buildUnsigned();
  expect(await provenance(path)).toEqual({ signatures: [], ca: null });
  expect(await onHost(path)).toBe(false);
  await expectRefused(path);

  const stranger = fleet.file("stranger");
  const generated = await fleet.run([...nix, "key", "generate-secret", "--key-name", "stranger-1"], 60);
  writeFileSync(stranger, generated.output.trim(), { mode: 0o600 });
  expectSuccess(await sign(path, stranger));
  expect((await provenance(path)).signatures).toHaveLength(1);
  await expectRefused(path);

  // Only the signature was missing.
  expectSuccess(await sign(path, fleet.file("keys", "signing-key")));
  expectSuccess(await copies["straight to the daemon"](path));
  expect(await onHost(path)).toBe(true);
  expect(await untouched()).toBe(before);
});

test("a deploy user cannot activate an unsigned closure, however it came into the store", async () => {
  const before = await untouched();
  const build =
    "d=$(mktemp -d) && mkdir $d/s $d/s/bin && echo x >$d/s/nixos-version" +
    " && printf '#!/bin/sh\\ntouch /tmp/owned\\n' >$d/s/bin/switch-to-configuration && chmod +x $d/s/bin/*" +
    " && nix-store --add $d/s";
  const built = await deployer(build);
  expectSuccess(built);
  const path = built.output.trim().split("\n").at(-1);

  const refused = await deployer(`sudo -n ${supervisor} activate ${path} token`);

  expect(refused.code).toBe(2);
  expect(refused.output).toMatch(/"outcome":"refused","step":"signature"/);
  expect((await fleet.onMachine("web", "test -e /tmp/owned")).code).not.toBe(0);
  expect(await untouched()).toBe(before);
});

test("a deploy user cannot activate a closure without the fleet's signature, even if the host's Nix trusts its key", async () => {
  const before = await untouched();
  const path = await failingSystem("never");
  const cache = fleet.file("others-cache");
  const generated = await fleet.run([...nix, "key", "generate-secret", "--key-name", "others-cache-1"], 60);
  writeFileSync(cache, generated.output.trim(), { mode: 0o600 });
  const known = await fleet.run([...nix, "key", "convert-secret-to-public"], 60, readFileSync(cache, "utf8"));
  expect(known.output).toMatch(/^others-cache-1:/);
  const conf = "/etc/nix/nix.conf";
  const trust =
    `{ cat ${conf}; cat; } >/run/nix.conf && mount --bind /run/nix.conf ${conf}` +
    " && systemctl try-restart nix-daemon.service";
  expectSuccess(await fleet.onMachine("web", trust, `extra-trusted-public-keys = ${known.output}`));
  expectSuccess(await sign(path, cache));
  expectSuccess(await copies["straight to the daemon"](path));

  const activate = () => deployer(`sudo -n ${supervisor} activate ${path} token`);
  const refused = await activate();
  expect(refused).toMatchObject({
    code: 2,
    output: expect.stringMatching(/"outcome":"refused","step":"signature"/),
  });
  expect(await untouched()).toBe(before);

  // Only the fleet's signature was missing.
  const signing = `umask 077; cat >/run/key; ${nixWords.join(" ")} store sign --key-file /run/key ${path}; rm /run/key`;
  expectSuccess(
    await fleet.onMachine("web", signing, readFileSync(fleet.file("keys", "signing-key"), "utf8")),
  );
  expect((await activate()).output).toMatch(/"outcome":"rolled-back","step":"activate"/);
  expectSuccess(await fleet.onMachine("web", `umount ${conf} && systemctl try-restart nix-daemon.service`));
});

test("the probe key of pull requests can only probe, and gets no text of a failure and nothing of secrets", async () => {
  const path = await failingSystem("hush");
  expectSuccess(await sign(path, fleet.file("keys", "signing-key")));
  expectSuccess(await copies["straight to the daemon"](path));
  const failed = await deployer(`sudo -n ${supervisor} activate ${path} told-to-nobody`);
  expect(failed).toMatchObject({ code: 1, output: expect.stringMatching(/"reason":"hush"/) });
  const planted = { planted: "hunter2", "planted.mark": randomUUID() };
  for (const [name, secret] of Object.entries(planted)) {
    const put = `printf %s ${secret} | sudo -n ${supervisor} secret ${name} ${secret.length}`;
    expectSuccess(await deployer(put));
  }
  const status = await deployer(`sudo -n ${supervisor} status`);
  expect(JSON.parse(status.output)).toMatchObject({ deliveries: { planted: planted["planted.mark"] } });
  expect(status.output).not.toContain(sha256(planted.planted));
  const before = await untouched();
  const options = ["-F", "/dev/null", "-i", probe(), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"];
  const asProbe = (...words: string[]) =>
    fleet.inDriver("ssh", ...options, ...pinned(), `deploy@${address}`, ...words);
  const system = await fleet.running("web");
  const attempts = [
    ["sh -c id"],
    [`sudo -n ${supervisor} activate ${system} token`],
    [`sudo -n ${supervisor} rollback`],
    ["nix-daemon --stdio"],
    [`sudo -n ${supervisor} secret planted 14`],
    [`sudo -n ${supervisor} status`],
    ["-s", "sftp"],
  ];
  for (const words of attempts) {
    const ran = await asProbe(...words);
    expect([words, ran.code]).toEqual([words, 0]);
    const answer = JSON.parse(ran.output) as { last: object };
    expect(answer).toMatchObject({ version: 3, system });
    expect(answer.last).toEqual({
      outcome: "rolled-back",
      step: "activate",
      token: "told-to-nobody",
      wanted: path,
    });
    expect(ran.output).not.toContain("hush");
    expect(answer).not.toHaveProperty("deliveries");
    for (const secret of Object.values(planted)) {
      for (const trace of [secret, sha256(secret)]) expect(ran.output).not.toContain(trace);
    }
  }
  const forward = ["-W", "127.0.0.1:22", `deploy@${address}`];
  const forwarded = await fleet.inDriver("ssh", ...options, ...pinned(), ...forward);
  expect(forwarded.code).toBe(255);
  expect(forwarded.output).toMatch(/prohibited|forwarding/i);
  const info = await withNixDaemon(
    probe(),
    (daemon) => `${nixWords.join(" ")} store info --store unix://${daemon}`,
  );
  expect(info.code).not.toBe(0);
  expect(info.output).toMatch(/^channel \d+: open failed/m);
  const root = await fleet.inDriver("ssh", ...options, ...pinned(), `root@${address}`, "id");
  expect(root.code).toBe(255);
  expect(root.output).toMatch(/Permission denied/);
  expect(await untouched()).toBe(before);
});

test("a host whose sshd does not forward the Nix daemon's socket: Nix opens its own connection, with a warning", async () => {
  const edited = (motd: string) =>
    probed().replace('web of the sandbox"', `${motd}", daemon_forwarding = "no"`);
  fleet.replaceEdit(() => edited("closed"));
  const first = await fleet.up();
  expectSuccess(first);
  expect(first.output).not.toMatch(/refused to forward/);
  fleet.replaceEdit(() => edited("closed, and changed"));
  const up = await fleet.up();
  expectSuccess(up);
  expect(up.output).toMatch(/sshd of web refused to forward the Nix daemon's socket/);
  await fleet.expectConfirmed("inner");
});

/** web with a table `ssh`. */
const withSsh = (keys: string) => probed().replace("[hosts.web]", `[hosts.web]\nssh = { ${keys} }`);

test("a host whose SSH port changes: refused without the former port, then confirmed at the new one", async () => {
  fleet.replaceEdit(() => withSsh("port = 2222"));
  const refused = await fleet.up();
  expect(refused.code).not.toBe(0);
  expect(refused.output).toMatch(/hosts\.web\.ssh\.port: .* add `former_port = 22` to \[hosts\.web\.ssh\]/);
  fleet.replaceEdit(() => withSsh("port = 2222, former_port = 22"));
  expectSuccess(await fleet.up());
  const listening = await fleet.onMachine("web", "ss -Hltn | awk '{ print $4 }'");
  expect(listening.output).toMatch(/:2222$/m);
  expect(listening.output).not.toMatch(/:22$/m);
  fleet.replaceEdit(() => withSsh("port = 2222"));
  const settled = await fleet.up();
  expectSuccess(settled);
  expect((await fleet.outputs()).hosts["web"]).toMatchObject({ outcome: "confirmed" });
});

/** inner behind a jump host, and web, whose sshd listens on port 2222. */
const behind = (jump: string, motd: string) =>
  withSsh("port = 2222") +
  inner
    .replace("[hosts.inner]", `[hosts.inner]\nssh = { jump = ${jump}, sources = ["198.51.100.20/32"] }`)
    .replace("inner of the sandbox", motd);

test("a host that only its jump host reaches: adopted, deployed to, confirmed and probed through it", async () => {
  const only = `nft add table inet only
    nft add chain inet only input '{ type filter hook input priority -10; }'
    nft add rule inet only input ip saddr != 198.51.100.20 tcp dport 22 reject`;
  expectSuccess(await fleet.onMachine("inner", only));
  const direct = await fleet.inDriver("curl", "-sm", "5", "telnet://198.51.100.21:22");
  expect(direct.code).not.toBe(0);
  fleet.replaceEdit(() => behind('"web"', "behind web"));
  expectSuccess(await fleet.up());
  const adopted = await fleet.running("inner");
  expect((await fleet.outputs()).hosts["inner"]).toMatchObject({ outcome: "confirmed", closure: adopted });
  fleet.replaceEdit(() => behind('"web"', "changed behind web"));
  expectSuccess(await fleet.up());
  const changed = await fleet.running("inner");
  expect(changed).not.toBe(adopted);
  expect((await fleet.outputs()).hosts["inner"]).toMatchObject({ outcome: "confirmed", closure: changed });
  expect(await fleet.changes()).toEqual([]);
});

test("a jump host that shows another key than the pinned one: the host is not touched, and the error names the jump host", async () => {
  const before = await fleet.running("inner");
  const wrong = `{ address = "198.51.100.20", port = 2222, user = "deploy", host_key = "${ED25519}" }`;
  fleet.replaceEdit(() => behind(wrong, "never seen"));
  expectReported(
    await fleet.up(),
    "1 of 2 hosts not converged",
    /jump 198\.51\.100\.20: host key verification failed/,
    /the jump host 198\.51\.100\.20 shows another host key than the pinned one/,
  );
  expect(await fleet.running("inner")).toBe(before);
});
