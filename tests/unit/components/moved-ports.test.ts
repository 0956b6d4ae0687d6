import { movedPortProblems } from "../../../components/fleet/moved-ports.ts";
import { planOf, settings, text } from "./fleet-world.ts";

const result = { schemaVersion: 1, host: "legacy", outcome: "confirmed", token: "t", seconds: {} };

/** A state in which `legacy` was deployed to. */
const deployed = (spec: object, outcome = "confirmed", host = "legacy") => ({
  outputs: {
    [`urn:pulumi:sandbox::pantheros::command:local:Command::${host}-deploy`]: {
      type: "command:local:Command",
      outputs: {
        environment: { PANTHEROS_DEPLOY: JSON.stringify(spec) },
        stdout: JSON.stringify({ ...result, outcome }),
      },
    },
  },
});
const at22 = { address: "198.51.100.20", port: 22 };
const withSsh = (ssh: string) => text.replace("[hosts.legacy]", `[hosts.legacy]\nssh = { ${ssh} }`);
const fleet = (ssh: string) => planOf(withSsh(ssh));
const tailnetFleet = (toml: string) => planOf(toml.replace('address = "public"', 'address = "tailnet"'));
const problems = (ssh: string, state: ReturnType<typeof deployed>) =>
  movedPortProblems(fleet(ssh), settings(), state);

test("a port that changes without `former_port` is refused with the remedy", () => {
  expect(problems("port = 2222", deployed(at22))).toEqual([
    expect.stringMatching(
      /^nix\/fleet\.toml: hosts\.legacy\.ssh\.port: its sshd listens on port 22 .*: add `former_port = 22` to \[hosts\.legacy\.ssh\], and remove it after the deploy$/,
    ),
  ]);
});

test.each([
  ["the former port is named", "port = 2222, former_port = 22", deployed(at22)],
  ["the port stays", "port = 22", deployed(at22)],
  ["the last deploy did not succeed", "port = 2222", deployed(at22, "rolled-back")],
  ["the host has another address", "port = 2222", deployed({ ...at22, address: "198.51.100.99" })],
  ["the host was never deployed to", "port = 2222", deployed(at22, "confirmed", "other")],
])("nothing is refused when %s", (_, ssh, state) => {
  expect(problems(ssh, state)).toEqual([]);
});

test("a renamed host's port is that of its former name", () => {
  const renamed = planOf(
    text.replace("[hosts.legacy]", '[hosts.legacy]\nformerly = "old"\nssh = { port = 2222 }'),
  );
  expect(movedPortProblems(renamed, settings(), deployed(at22, "confirmed", "old"))).toHaveLength(1);
});

test.each(["legacy.tail0000.ts.net", "legacy-1.tail0000.ts.net"])(
  "a port that changes inside the tailnet is refused when the last deploy reached %s",
  (address) => {
    const state = deployed({ address, port: 22 });
    expect(movedPortProblems(tailnetFleet(withSsh("port = 2222")), settings(), state)).toHaveLength(1);
    const named = withSsh("port = 2222, former_port = 22");
    expect(movedPortProblems(tailnetFleet(named), settings(), state)).toEqual([]);
  },
);

test("a created server's port is compared at every address, an adopted machine's not through a port forward", () => {
  const created = text.replace("[hosts.web]", "[hosts.web]\nssh = { port = 2222 }");
  const atIp = deployed({ address: "203.0.113.11", port: 22 }, "confirmed", "web");
  expect(movedPortProblems(tailnetFleet(created), settings(), atIp)).toHaveLength(1);
  const atForward = deployed({ ...at22, port: 2200 });
  expect(movedPortProblems(tailnetFleet(withSsh("port = 22")), settings(), atForward)).toEqual([]);
  const forwarded = withSsh("port = 22").replace(
    'address = "198.51.100.20"',
    'address = "198.51.100.20", ssh_port = 2200',
  );
  const inTailnet = deployed({ address: "legacy-1.tail0000.ts.net", port: 22 });
  expect(movedPortProblems(planOf(forwarded), settings(), inTailnet)).toEqual([]);
});
