import * as pulumi from "@pulumi/pulumi";
import { parseSshPublicKey, sshfpOf } from "../../../lib/ssh-public-key.ts";
import {
  ExistingServer,
  type ExistingServerArgs,
  existingServerProblems,
} from "../../../providers/existing/server.ts";
import { hostKey, record, resolved } from "../mocks.ts";

const args: ExistingServerArgs = {
  hostname: "legacy",
  address: "198.51.100.20",
  hostKey: `${hostKey} root@legacy`,
  knownHostsFile: "nix/known_hosts",
};

test("adopts by address and pinned key, without any resource of a vendor", async () => {
  const { recording, result } = await record(() => new ExistingServer("legacy", args));
  expect(recording.registrations.map(({ type }) => type)).toEqual(["pantheros:hosts:Existing"]);
  expect(await resolved(result.address)).toBe("198.51.100.20");
  expect(await resolved(result.ipv4)).toBe("198.51.100.20");
  expect(await resolved(result.ipv6)).toBeUndefined();
  expect(await resolved(result.sshPort)).toBe(22);
  expect(await resolved(result.hostKey)).toBe(hostKey);
});

test("takes names and IPv6 addresses", async () => {
  const { result } = await record(() => ({
    laptop: new ExistingServer("laptop", { ...args, address: "laptop.tail0000.ts.net", sshPort: 2222 }),
    six: new ExistingServer("six", { ...args, address: "2001:db8::20" }),
  }));
  expect(await resolved(result.laptop.ipv4)).toBeUndefined();
  expect(await resolved(result.laptop.sshPort)).toBe(2222);
  expect(await resolved(result.six.ipv6)).toBe("2001:db8::20");
});

test("refuses what can't be adopted before anything happens", async () => {
  await record(() => {
    expect(() => new ExistingServer("legacy", { ...args, hostKey: undefined })).toThrow(pulumi.RunError);
  });
});

describe("problems name the host, the key and the remedy", () => {
  test.each<[string, Partial<ExistingServerArgs>, RegExp]>([
    [
      "no address",
      { address: undefined },
      /^hosts\.legacy\.provider\.address: no address .*pulumi config set --path 'pantheros:addresses\.legacy' ADDRESS$/,
    ],
    [
      "half an address",
      { address: "198.51.100.300" },
      /^hosts\.legacy\.provider\.address: "198\.51\.100\.300" is neither .*; correct it$/,
    ],
    ["an option", { address: "-oProxyCommand=x" }, /provider\.address: .* is neither/],
    [
      "bad IPv6",
      { ipv6: "198.51.100.1" },
      /^hosts\.legacy\.provider\.ipv6: "198\.51\.100\.1" is not an IPv6 address; correct it$/,
    ],
    ["bad port", { sshPort: 0 }, /^hosts\.legacy\.provider\.ssh_port: 0 is not a port; use 1 to 65535$/],
    [
      "no key",
      { hostKey: undefined },
      /^hosts\.legacy: no host key is pinned for 198\.51\.100\.20 in nix\/known_hosts; on the machine's console run/,
    ],
    [
      "cut key",
      { hostKey: "ssh-ed25519 AAAAC3Nz" },
      /^hosts\.legacy: the host key pinned .* cut off.*; copy it again from the machine's console$/,
    ],
  ])("%s", (_, more, message) => {
    expect(existingServerProblems({ ...args, ...more })).toEqual([expect.stringMatching(message)]);
  });

  test("are reported all at once", () => {
    expect(existingServerProblems({ ...args, address: undefined, hostKey: undefined })).toHaveLength(2);
    expect(existingServerProblems(args)).toEqual([]);
  });
});

describe("public keys", () => {
  test("lose their comment", () => {
    expect(parseSshPublicKey(`  ${hostKey} someone@somewhere\n`).line).toBe(hostKey);
  });

  test.each([
    ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET"],
    ["two lines", `${hostKey}\nssh-ed25519 SECRET`],
    ["a different type inside", hostKey.replace("ssh-ed25519", "ssh-rsa")],
    ["no base64", "ssh-ed25519 SECRET!"],
  ])("refuses %s without repeating it", (_, text) => {
    expect(() => parseSshPublicKey(text)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("SECRET") }),
    );
  });

  test("SSHFP is the SHA-256 of the key blob, as `ssh-keygen -r` prints it", () => {
    // ssh-keygen -r host -f key.pub -O hashalg=sha256
    expect(sshfpOf(hostKey)).toEqual({
      algorithm: 4,
      type: 2,
      fingerprint: "6109e0f69b7fe04de0534da450e0b520d7accd8204283411ef3af36923bdf8f8",
    });
  });
});
