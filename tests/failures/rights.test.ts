import { readFileSync } from "node:fs";
import { generous, Rehearsal, windows } from "./rehearsal.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("rights");
const supervisor = "/run/current-system/sw/bin/pantheros-supervisor";
const probe = () => fleet.file("probe-key");

beforeAll(async () => {
  await fleet.raise((text) => windows(5, 5)(text), "--no-deploy");
  expect(
    await fleet.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "probe", "-f", probe()], 60),
  ).toMatchObject({ code: 0 });
  const key = readFileSync(`${probe()}.pub`, "utf8").trim();
  fleet.editFleet((text) => text.replace("[deploy]", `[deploy]\nprobe_keys = ["${key}"]`));
  await fleet.serves("legacy", "metrics.service");
  expect(await fleet.up()).toMatchObject({ code: 0 });
});
afterAll(() => fleet.lower());

/** A command of the deploy user on web. */
const deployer = (command: string) => fleet.deployer("web", command);

/** What the machine runs and boots, and what the supervisor has told last. */
const untouched = async () =>
  (
    await fleet.inside(
      "web",
      "readlink /run/current-system /boot/pantheros-default; cat /var/lib/pantheros/last",
    )
  ).output;

test("a deploy user with only the rights it needs: it can do nothing else as root", async () => {
  const before = await untouched();
  expect(await deployer(`sudo -n ${supervisor} status`)).toMatchObject({ code: 0 });
  expect((await deployer("id -un")).output.trim()).toBe("deploy");
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
  expect((await deployer(`ln -sfn /tmp /run/current-system`)).output).toMatch(/Permission denied/);
  expect(await untouched()).toBe(before);
});

test("a deploy user with only the rights it needs: of the supervisor only the verbs, with well-formed words", async () => {
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
    "rollback 'a b'",
    "anything",
  ];
  for (const verb of words) {
    const ran = await deployer(`echo x | sudo -n ${supervisor} ${verb}`);
    expect([verb, ran.code, ran.output]).toEqual([verb, 2, expect.stringMatching(/"outcome":"refused"/)]);
  }
  expect(await untouched()).toBe(before);
});

test("a deploy user cannot bring an unsigned closure", async () => {
  const before = await untouched();
  const key = fleet.file("keys", "deploy");
  const { hosts } = await fleet.outputs();
  const { hostKey = "", addresses } = hosts["web"] ?? { addresses: {} };
  // Not named by its content, so that it takes a signature, and built here without one.
  const text =
    'builtins.derivation { name = "unsigned"; system = builtins.currentSystem; builder = "/bin/sh"; args = ["-c" "echo unsigned >$out"]; }';
  const nix = ["nix", "--extra-experimental-features", "nix-command", "--option", "sandbox", "false"];
  const build = [...nix, "build", "--impure", "--no-link", "--print-out-paths", "--expr", text];
  const path = (await fleet.run(["tools/with", ...build], 60)).output.trim().split("\n").at(-1);
  expect(path).toMatch(/^\/nix\/store\//);
  const options = `-F /dev/null -i ${key} -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${fleet.file("pins")}`;
  await fleet.run(["tee", fleet.file("pins")], 10, `${addresses.ipv4} ${hostKey}\n`);
  const copied = await fleet.run(
    [
      ...["tools/with", "env", `NIX_SSHOPTS=${options}`],
      ...["ip", "netns", "exec", `pantheros-${fleet.name}`],
      ...["nix", "--extra-experimental-features", "nix-command", "copy", "--no-check-sigs"],
      ...["--to", `ssh-ng://deploy@${addresses.ipv4}`, path ?? ""],
    ],
    120,
  );
  expect(copied.code).not.toBe(0);
  expect(copied.output).toMatch(/lacks a (valid )?signature/);
  expect((await fleet.inside("web", `test -e ${path}`)).code).not.toBe(0);
  expect(await untouched()).toBe(before);
});

test("a deploy user cannot activate a closure that nobody signed, however it came into the store", async () => {
  const before = await untouched();
  const build =
    "d=$(mktemp -d) && mkdir $d/s $d/s/bin && echo x >$d/s/nixos-version" +
    " && printf '#!/bin/sh\\ntouch /tmp/owned\\n' >$d/s/bin/switch-to-configuration && chmod +x $d/s/bin/*" +
    " && nix-store --add $d/s";
  const built = await deployer(build);
  expect({ ...built }).toMatchObject({ code: 0 });
  const path = built.output.trim().split("\n").at(-1);

  const refused = await deployer(`sudo -n ${supervisor} activate ${path} token`);

  expect(refused.code).toBe(2);
  expect(refused.output).toMatch(/"outcome":"refused","step":"signature"/);
  expect((await fleet.inside("web", "test -e /tmp/owned")).code).not.toBe(0);
  expect(await untouched()).toBe(before);
});

test("the probe key of pull requests can only probe", async () => {
  const before = await untouched();
  const { hosts } = await fleet.outputs();
  const { hostKey = "", addresses } = hosts["web"] ?? { addresses: {} };
  await fleet.run(["tee", fleet.file("pins")], 10, `${addresses.ipv4} ${hostKey}\n`);
  const options = ["-F", "/dev/null", "-i", probe(), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"];
  const pinned = ["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${fleet.file("pins")}`];
  const asProbe = (...words: string[]) =>
    fleet.inDriver("ssh", ...options, ...pinned, `deploy@${addresses.ipv4}`, ...words);
  const system = await fleet.running("web");
  const attempts = [
    ["sh -c id"],
    [`sudo -n ${supervisor} activate ${system} token`],
    [`sudo -n ${supervisor} rollback`],
    ["nix-daemon --stdio"],
  ];
  for (const words of attempts) {
    const ran = await asProbe(...words);
    expect([words, ran.code]).toEqual([words, 0]);
    expect(JSON.parse(ran.output)).toMatchObject({ version: 1, system });
  }
  const forward = ["-W", "127.0.0.1:8080", `deploy@${addresses.ipv4}`];
  const forwarded = await fleet.inDriver("ssh", ...options, ...pinned, ...forward);
  expect(forwarded.code).toBe(255);
  expect(forwarded.output).toMatch(/prohibited|forwarding/i);
  const root = await fleet.inDriver("ssh", ...options, ...pinned, `root@${addresses.ipv4}`, "id");
  expect(root.code).toBe(255);
  expect(root.output).toMatch(/Permission denied/);
  expect(await untouched()).toBe(before);
});
