import {
  entriesOf,
  parseKnownHosts,
  pinnedHostKey,
  readKnownHosts,
  skippedLines,
} from "../../../inventory/known-hosts.ts";
import { ECDSA, ED25519, ED25519_OTHER, RSA } from "../ssh-keys.ts";

const read = (...lines: string[]) => parseKnownHosts(lines.join("\n"), "nix/known_hosts");

/** Hashed by `ssh-keygen -H`: the name `web`, and `[10.0.0.5]:2222`. */
const HASHED = "|1|JpciEotiiZfbspL/UqL3hTZYiJQ=|8rhI/ZmIf+7fBqpr9mgXuiFzcXU=";
const HASHED_PORT = "|1|+PtaQqJisY/is7cB3jA6XqLY2NI=|TYpWPH7gisQgNWIKvY18F/ciHgg=";

test("an ed25519 key comes before other types, and comments are dropped", () => {
  const file = read("# pinned by hand", `legacy,198.51.100.20 ${RSA} old`, `legacy ${ED25519} comment`);
  expect(pinnedHostKey(file, ["legacy"])).toEqual({ key: ED25519 });
  expect(pinnedHostKey(file, ["198.51.100.20"])).toEqual({ key: RSA });
  expect(pinnedHostKey(file, ["web"])).toEqual({});
});

test("patterns and negations are those of ssh", () => {
  const file = read(`*.example.test,!db.example.test,10.0.?.* ${ED25519}`);
  for (const name of ["web.example.test", "WEB.example.test", "10.0.3.7"]) {
    expect(pinnedHostKey(file, [name])).toEqual({ key: ED25519 });
  }
  for (const name of ["db.example.test", "example.test", "10.0.33.7"]) {
    expect(pinnedHostKey(file, [name])).toEqual({});
  }
});

test("hashed names are found, at their port", () => {
  const file = read(`${HASHED} ${ED25519}`, `${HASHED_PORT} ${RSA}`);
  expect(pinnedHostKey(file, ["web"])).toEqual({ key: ED25519 });
  expect(pinnedHostKey(file, ["db"])).toEqual({});
  expect(pinnedHostKey(file, ["10.0.0.5"], 2222)).toEqual({ key: RSA });
  expect(pinnedHostKey(file, ["10.0.0.5"])).toEqual({});
});

describe("a port", () => {
  const file = read(`[10.0.0.5]:2222 ${RSA}`, `10.0.0.5 ${ED25519}`, `10.0.0.6 ${ECDSA}`);

  test("has entries of its own, which come first", () => {
    expect(pinnedHostKey(file, ["10.0.0.5"], 2222)).toEqual({ key: RSA });
    expect(pinnedHostKey(file, ["10.0.0.5"])).toEqual({ key: ED25519 });
  });

  test("without an entry has the key that is pinned without a port, as with ssh", () => {
    expect(pinnedHostKey(file, ["10.0.0.6"], 2222)).toEqual({ key: ECDSA });
    expect(pinnedHostKey(file, ["10.0.0.5"], 2200)).toEqual({ key: ED25519 });
  });
});

describe("a revoked key", () => {
  test("is never pinned, whichever line comes first and whatever it matches by", () => {
    for (const lines of [
      [`web ${RSA}`, `@revoked * ${RSA}`],
      [`@revoked web ${RSA}`, `10.0.0.1 ${RSA}`],
    ]) {
      const { key, problem } = pinnedHostKey(read(...lines), ["web", "10.0.0.1"]);
      expect(key).toBeUndefined();
      expect(problem).toMatch(/^the key of nix\/known_hosts:[12] is revoked by line [12]$/);
    }
  });

  test("leaves the host's other keys", () => {
    const file = read(`web ${ED25519}`, `web ${ECDSA}`, `@revoked web ${ED25519}`);
    expect(pinnedHostKey(file, ["web"])).toEqual({ key: ECDSA });
  });

  test("of another host stays pinned", () => {
    expect(pinnedHostKey(read(`web ${RSA}`, `@revoked db ${RSA}`), ["web"])).toEqual({ key: RSA });
  });
});

test("a certificate authority is not a host key, and the problem says so", () => {
  const { key, problem } = pinnedHostKey(read(`@cert-authority *.example.test ${ED25519}`), [
    "web.example.test",
  ]);
  expect(key).toBeUndefined();
  expect(problem).toBe(
    "nix/known_hosts:1 is a certificate authority, which cannot be pinned as the key of a host",
  );
});

test("a second key of the same type is not pinned, and a warning says so", () => {
  const file = read(`web ${ED25519}`, `web,db ${ED25519_OTHER}`);
  expect(pinnedHostKey(file, ["web"])).toEqual({
    key: ED25519,
    warning: "nix/known_hosts:2 has another ssh-ed25519 key of web; only that of line 1 is pinned",
  });
});

test("tabs, Windows line ends, blank lines and spaces before a line are read", () => {
  const file = parseKnownHosts(
    `\r\n\t web\t${ED25519.replace(" ", "\t")}\r\n  # comment\r\n\t\r\ndb ${RSA} c\r\n`,
    "f",
  );
  expect(file.skipped).toEqual([]);
  expect(pinnedHostKey(file, ["web"])).toEqual({ key: ED25519 });
  expect(pinnedHostKey(file, ["db"])).toEqual({ key: RSA });
});

describe("a line that OpenSSH skips", () => {
  const cut = ED25519.slice(0, -8);
  test.each([
    ["no key", "web", /no key/],
    ["a type without a key", "web ssh-ed25519", /no key/],
    ["a key that is cut off", `web ${cut}`, /not a whole ssh-ed25519 key/],
    ["no base64", "web ssh-ed25519 AAAA*AAA", /not a whole ssh-ed25519 key/],
    ["another type inside", `web ssh-rsa ${ED25519.split(" ")[1]}`, /not a whole ssh-rsa key/],
    ["an unknown type", "web ssh-new AAAA", /not a public key line/],
    ["a key of SSH protocol 1", "web 1024 35 123456", /not a public key line/],
    [
      "an unknown marker",
      `@trusted web ${ED25519}`,
      /unknown marker "@trusted"; use @revoked or @cert-authority/,
    ],
    ["a marker called like a property of objects", `@constructor web ${ED25519}`, /unknown marker/],
    ["a tab after a marker", `@revoked\tweb ${ED25519}`, /a tab after @revoked/],
    ["two markers", `@revoked @cert-authority web ${ED25519}`, /two markers/],
    ["a broken hash", `|1|abc|def ${ED25519}`, /not a hashed name/],
    ["an unknown hash", `${HASHED.replace("|1|", "|2|")} ${ED25519}`, /not a hashed name/],
  ])("is named with file, line and reason: %s", (_, line, reason) => {
    const file = read("# comment", line);
    expect(file.entries).toEqual([]);
    expect(skippedLines(file)).toEqual([expect.stringMatching(/^nix\/known_hosts:2: skipped: /)]);
    expect(skippedLines(file)[0]).toMatch(reason);
  });

  test("is the reason why a host that it names has no key", () => {
    expect(pinnedHostKey(read(`web ${cut}`), ["web"]).problem).toMatch(
      /^nix\/known_hosts:1 is skipped: not a whole ssh-ed25519 key/,
    );
  });
});

test("a long pattern does not take long", () => {
  const file = read(`${"*a".repeat(2000)}b ${ED25519}`);
  expect(entriesOf(file, "a".repeat(253))).toEqual([]);
});

test("a missing file is read as empty", () => {
  expect(readKnownHosts("no/such/file").entries).toEqual([]);
});
