import { parseHujson, standardize } from "../../../sandbox/vendors/tailscale/hujson.ts";
import { deviceAddresses, freeLabel, sanitize } from "../../../sandbox/vendors/tailscale/names.ts";
import { checkPolicy, definedTags } from "../../../sandbox/vendors/tailscale/policy.ts";
import { DEFAULT_ACL } from "../../../sandbox/vendors/tailscale/state.ts";

describe("HuJSON", () => {
  test("comments and trailing commas become spaces; strings are unchanged", () => {
    const text = '{"a": "//no, comment /*", // yes\n /* and */ "b": [1, 2,], "c": "\\"},",}';
    expect(parseHujson(text)).toEqual({ a: "//no, comment /*", b: [1, 2], c: '"},' });
    expect(standardize(text)).toHaveLength(text.length);
  });

  test.each(['{"a": 1,, }', "{,}x", "[1 2]", "/* open", '"open'])("%p is refused", (text) => {
    expect(() => parseHujson(text)).toThrow();
  });
});

describe("the policy", () => {
  const policy = {
    groups: { "group:admins": ["ada@example.test"] },
    tagOwners: { "tag:server": ["group:admins"] },
    hosts: { nas: "192.0.2.7" },
    acls: [
      { action: "accept", src: ["group:admins", "tag:server"], dst: ["tag:server:22,8000-8100", "nas:*"] },
    ],
    ssh: [{ action: "check", src: ["group:admins"], dst: ["tag:server"], users: ["root"] }],
  };
  const check = (part: object) => checkPolicy(JSON.stringify({ ...policy, ...part }));

  test("a valid policy and that of a new tailnet are accepted", () => {
    expect(check({})).toBeUndefined();
    expect(checkPolicy(DEFAULT_ACL)).toBeUndefined();
    expect([...definedTags(JSON.stringify(policy))]).toEqual(["tag:server"]);
  });

  test.each<[string, object, string]>([
    ["an unknown section", { rules: [] }, 'unknown field "rules"'],
    [
      "an unknown tag",
      { acls: [{ action: "accept", src: ["tag:none"], dst: ["*:*"] }] },
      'tag not found: "tag:none"',
    ],
    [
      "an unknown group",
      { acls: [{ action: "accept", src: ["*"], dst: ["group:none:*"] }] },
      'group not found: "group:none"',
    ],
    ["an unknown owner", { tagOwners: { "tag:server": ["group:none"] } }, 'group not found: "group:none"'],
    ["an unknown host", { acls: [{ action: "accept", src: ["printer"], dst: ["*:*"] }] }, "printer"],
    ["a bad tag name", { tagOwners: { "tag:1 2": [] }, acls: [], ssh: [] }, "invalid tag"],
    [
      "an unknown autogroup",
      { acls: [{ action: "accept", src: ["autogroup:all"], dst: ["*:*"] }] },
      "autogroup",
    ],
    [
      "SSH without users",
      { ssh: [{ action: "accept", src: ["*"], dst: ["tag:server"], users: [] }] },
      "users",
    ],
    ["an unknown grant", { grants: [{ src: ["tag:none"], dst: ["*"], ip: ["*"] }] }, "tag:none"],
    ["an unknown approver", { autoApprovers: { routes: { "10.0.0.0/8": ["tag:none"] } } }, "tag:none"],
  ])("%s is refused", (_, part, message) => {
    expect(check(part)?.message).toContain(message);
  });

  test("invalid JSON is refused", () => {
    expect(checkPolicy('{"acls": [}')?.message).toContain("parsing");
    expect(checkPolicy("[]")?.message).toContain("object");
  });

  test("its own tests are evaluated", () => {
    const tests = (...each: object[]) => check({ tests: each });
    const ada = "ada@example.test";
    expect(
      tests({ src: ada, accept: ["tag:server:22", "tag:server:8042", "nas:445"], deny: ["tag:server:23"] }),
    ).toBeUndefined();
    expect(tests({ src: "tag:server", accept: ["tag:server:22"] })).toBeUndefined();
    expect(tests({ src: ada, deny: ["tag:server:8100"] })).toEqual({
      message: "test(s) failed",
      data: [{ user: ada, errors: ['address "tag:server:8100": want: Drop, got: Accept'] }],
    });
    expect(tests({ src: "bob@example.test", accept: ["nas:22"] })?.data[0]?.errors[0]).toContain(
      "want: Accept, got: Drop",
    );
  });

  test("grants work like rules", () => {
    const grants = [{ src: ["group:admins"], dst: ["tag:server"], ip: ["tcp:443"] }];
    const tests = [{ src: "ada@example.test", accept: ["tag:server:443"], deny: ["tag:server:80"] }];
    expect(check({ acls: [], grants, tests })).toBeUndefined();
  });
});

test("device names and addresses", () => {
  expect(sanitize("My_Laptop.local")).toBe("my-laptop");
  expect(freeLabel("web", new Set(["web", "web-1"]))).toBe("web-2");
  expect(deviceAddresses(1)).toEqual(["100.64.0.2", "fd7a:115c:a1e0::2"]);
  expect(deviceAddresses(300)[0]).toBe("100.64.1.45");
});
