import { sshRuleFirewall } from "../../../clients/hetzner/temporary-ssh-rule.ts";
import { keyDescription } from "../../../components/tailnet/tailnet.ts";
import { sharedFiles } from "../../../deployer/ssh.ts";
import { shortName } from "../../../lib/short-name.ts";
import { machineName } from "../../../sandbox/vendors/hetzner/server-create.ts";
import { emptyState, type ServerRow } from "../../../sandbox/vendors/hetzner/state.ts";

/** Two names of the greatest length that differ in their last character only. */
const [one, other] = ["1", "2"].map((end) => `${"very-long-name-".repeat(4)}ab${end}`) as [string, string];

test("a short name is unchanged; longer names are cut and stay distinct", () => {
  expect(one).toHaveLength(63);
  expect(shortName("web", 3)).toBe("web");
  expect(shortName(one, 63)).toBe(one);
  expect(shortName(one, 40)).toMatch(/^very-long-name-very-long-name-v-[0-9a-f]{8}$/);
  expect(shortName(one, 40)).not.toBe(shortName(other, 40));
});

test("names made from a host's name stay distinct, however long that is", () => {
  const rules = [one, other].map(
    (host) =>
      (
        sshRuleFirewall({ stack: "s".repeat(63), host, server: 1, ports: [22], sources: [] }) as {
          name: string;
        }
      ).name,
  );
  const keys = [one, other].map((host) => keyDescription("production", host));
  const sockets = [one, other].map(
    (host) => sharedFiles("/tmp/pantheros-deploy-AbCdEf", host)?.control ?? "none",
  );
  for (const [names, most] of [
    [rules, 128],
    [keys, 50],
    [sockets, 86],
  ] as const) {
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(most);
  }
  expect(keys.join("")).toMatch(/^[A-Za-z0-9]+$/);
  expect(keyDescription("production", "web")).toBe("pantherosproductionweb");
  expect(sockets).not.toContain("none");
  expect(sharedFiles("/tmp/x", "web")?.control).toBe("/tmp/x/web.ssh");
  expect(sharedFiles(`/tmp/${"x".repeat(80)}`, "web")).toBeUndefined();
});

test("every server's machine has a valid name of its own", () => {
  const state = emptyState();
  const add = (name: string, id: number): string => {
    const machine = machineName(state, name, id);
    state.servers[id] = { id, name, machine } as ServerRow;
    return machine;
  };
  expect(add(one, 1)).toBe(one);
  // The first was renamed, and this is another server.
  expect(add(one, 1002)).toMatch(/^very-.*-1002$/);
  expect(add("web.example.test", 3)).toBe("web-example-test-3");
  expect(add(`${"x".repeat(63)}.${"Y".repeat(63)}`, 4)).toMatch(/^x+-4$/);
  expect(add("1web", 5)).toBe("m-1web-5");
  for (const { machine } of Object.values(state.servers))
    expect(machine).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
});
