import { pinnedHostKey, readKnownHosts } from "../../../inventory/known-hosts.ts";

const file = `# pinned by hand
legacy,198.51.100.20 ssh-rsa AAAArsa old
legacy ssh-ed25519 AAAAed25519 comment
@revoked web ssh-ed25519 AAAArevoked
|1|hash|hash ssh-ed25519 AAAAhashed
db
`;

test("ed25519 wins over other types, comments are dropped", () => {
  expect(pinnedHostKey(file, ["legacy"])).toBe("ssh-ed25519 AAAAed25519");
  expect(pinnedHostKey(file, ["198.51.100.20"])).toBe("ssh-rsa AAAArsa");
});

test("revoked, incomplete and unknown entries pin nothing", () => {
  expect(pinnedHostKey(file, ["web"])).toBeUndefined();
  expect(pinnedHostKey(file, ["db"])).toBeUndefined();
  expect(pinnedHostKey(file, ["other"])).toBeUndefined();
});

test("no file is an empty file", () => {
  expect(readKnownHosts("no/such/file")).toBe("");
});
