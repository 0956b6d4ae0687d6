import { type Identity, identityFindings } from "../../../components/nixos-host/identity.ts";
import { status } from "../deployer/fixtures.ts";
import { hostKey, publicKeyOf } from "../mocks.ts";

const id = "0123456789abcdef".repeat(2);
const machine = (host: string, more: Parameters<typeof status>[0], key = publicKeyOf(host)): Identity => ({
  host,
  hostKey: key,
  probe: { reached: true, user: "deploy", status: status(more) },
});

test("the same machine id and boot id are one machine, whatever its key and address", () => {
  const { refused, problems, warnings } = identityFindings([
    machine("legacy", { machineId: id, bootId: "b-1" }),
    machine("other", { machineId: "f".repeat(32), bootId: "b-9" }),
    machine("copy", { machineId: id, bootId: "b-1" }),
  ]);
  const why = `machine id ${id}; one machine is one host: remove one of the two tables (to rename a host, set \`formerly\`)`;
  expect(refused).toEqual({
    legacy: `its machine is also hosts.copy: ${why}`,
    copy: `its machine is also hosts.legacy: ${why}`,
  });
  expect(problems).toEqual([
    `hosts.copy: neither it nor hosts.legacy is deployed to: its machine is also hosts.legacy: ${why}`,
  ]);
  expect(warnings).toEqual([]);
});

test("the same machine id with two boot ids are two machines from one image: a warning with the remedy", () => {
  const { refused, problems, warnings } = identityFindings([
    machine("a", { machineId: id, bootId: "b-1" }),
    machine("b", { machineId: id, bootId: "b-2" }),
  ]);
  expect([refused, problems]).toEqual([{}, []]);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^hosts\.b: has the machine id of hosts\.a .*systemd-machine-id-setup/);
});

test("the same host key is one machine, or a copy that needs its own keys", () => {
  const away = { reached: false, reason: "no answer" } as const;
  const { problems } = identityFindings([
    { host: "a", hostKey, probe: away },
    machine("b", { machineId: id, bootId: "b-2" }, hostKey),
  ]);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(
    /^hosts\.b: neither it nor hosts\.a is deployed to: .* the same SSH host key; .*ssh-keygen -A/,
  );
});

test.each([
  ["a supervisor without that field", undefined],
  ["no id", null],
  ["a first boot", "uninitialized"],
])("no finding without a machine id: %s", (_, machineId) => {
  const of = (host: string) => machine(host, { machineId, bootId: "b-1" });
  expect(identityFindings([of("a"), of("b")])).toEqual({ refused: {}, problems: [], warnings: [] });
});
