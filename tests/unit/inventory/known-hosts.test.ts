import { pinnedHostKey, readKnownHosts } from "../../../inventory/known-hosts.ts";

const file = `# pinned by hand
legacy,198.51.100.20 ssh-rsa AAAArsa old
legacy ssh-ed25519 AAAAed25519 comment
@revoked web ssh-ed25519 AAAArevoked
|1|hash|hash ssh-ed25519 AAAAhashed
db
`;

test("an ed25519 key comes before other types, and comments are dropped", () => {
  expect(pinnedHostKey(file, ["legacy"])).toBe("ssh-ed25519 AAAAed25519");
  expect(pinnedHostKey(file, ["198.51.100.20"])).toBe("ssh-rsa AAAArsa");
});

test("revoked, incomplete and unknown entries are ignored", () => {
  expect(pinnedHostKey(file, ["web"])).toBeUndefined();
  expect(pinnedHostKey(file, ["db"])).toBeUndefined();
  expect(pinnedHostKey(file, ["other"])).toBeUndefined();
});

test("a missing file is read as empty", () => {
  expect(readKnownHosts("no/such/file")).toBe("");
});
