import { readFileSync } from "node:fs";
import {
  connectArgv,
  deployRsArgv,
  deployRsSettings,
  pairs,
  rawArgv,
  sshOptions,
} from "../../../bench/contenders.ts";
import { fleetText, hostsOf } from "../../../bench/fleet.ts";
import { fastLinkCommands, slowLinkCommands } from "../../../bench/links.ts";
import { machineText } from "../../../bench/machine.ts";
import { rollbackSeconds } from "../../../bench/rollback.ts";
import { growthTable, median, reached, rowTable } from "../../../bench/table.ts";
import { parseInventory } from "../../../inventory/load.ts";
import { machineNamespace } from "../../../sandbox/network/names.ts";

describe("figures", () => {
  test("the median is the middle value, or the mean of the two", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 9])).toBe(3);
    expect(median([])).toBeNaN();
  });

  test("a row has the measured value and its limit, and marks a limit that is not reached", () => {
    const row = { what: "a", limit: 1.5, unit: "times", from: "ours, raw: 2.0 s, 1.0 s" } as const;
    expect(reached({ ...row, value: 1.5 })).toBe(true);
    expect(reached({ ...row, value: Number.NaN })).toBe(false);
    expect(rowTable([{ ...row, value: 2 }]).split("\n")[2]).toBe(
      "| a | 2.00 (not reached) | at most 1.50 | ours, raw: 2.0 s, 1.0 s |",
    );
    expect(rowTable([{ ...row, value: 900.4, limit: 1024, unit: "MiB" }])).toContain(
      "| 900 MiB | at most 1024 MiB |",
    );
  });

  test("growth has a row for each size, with empty cells for what was not measured", () => {
    expect(
      growthTable(
        ["up", "raw"],
        [
          { hosts: 5, figures: { up: 4.04, raw: 1 } },
          { hosts: 100, figures: { raw: 30 } },
        ],
      ),
    ).toBe("| hosts | up | raw |\n| --- | --- | --- |\n| 5 | 4.0 s | 1.0 s |\n| 100 |  | 30.0 s |");
  });

  test("the computer is described by processors and memory", () => {
    const text = machineText([{ model: "Some CPU" }, { model: "Some CPU" }], 24 * 2 ** 30);
    expect(text).toBe("Measured on 2 cores (Some CPU) and 24 GiB, which the hosts share with the run.");
    expect(machineText([{ model: "unknown" }], 2 ** 30)).toContain("Measured on 1 core and 1 GiB");
  });
});

describe("the duration of a rollback, from the host's log", () => {
  test("is from the first line in phase rolling-back to the next answer of 200", () => {
    const watched = [
      "10.00 idle 200",
      "11.00 checking 503",
      "12.50 rolling-back 503",
      "12.60 rolling-back 000",
      "13.10 rolling-back 200",
      "13.20 idle 200",
    ].join("\n");
    expect(rollbackSeconds(watched)).toBeCloseTo(0.6);
  });

  test("fails without a rollback or an answer after it", () => {
    expect(() => rollbackSeconds("10.00 checking 503\n")).toThrow("never rolled back");
    expect(() => rollbackSeconds("10.00 rolling-back 503\n")).toThrow("never served again");
  });
});

test("a host's link is limited at both ends, and the limit can be removed", () => {
  const slow = slowLinkCommands("bench", "h001");
  expect(slow.map((argv) => argv.slice(0, 7).join(" "))).toEqual([
    "tc -n pantheros-bench qdisc replace dev v-h001",
    `tc -n ${machineNamespace("bench", "h001")} qdisc replace dev eth0`,
  ]);
  expect(slow.every((argv) => argv.join(" ").includes("root tbf rate 100mbit "))).toBe(true);
  expect(fastLinkCommands("bench", "h001").map((argv) => argv[4])).toEqual(["del", "del"]);
});

describe("the measured fleet", () => {
  test("has slow activations when they are asked for", () => {
    const { hosts } = parseInventory(fleetText({ hosts: hostsOf(1), slow: true }), "fleet.toml");
    expect(hosts["h001"]?.extra).toEqual({ root_login: "prohibit-password", activation: "slow" });
  });

  test("is an inventory of adopted hosts, with the given padding", () => {
    const text = fleetText({ hosts: hostsOf(12), filler: { paths: 20, bytes: 250_000, seed: "s-1" } });
    const { hosts } = parseInventory(text, "fleet.toml");
    expect(Object.keys(hosts)).toHaveLength(12);
    expect(hosts["h012"]).toMatchObject({
      provider: { kind: "existing", address: "203.0.113.12" },
      extra: { root_login: "prohibit-password", filler: { paths: 20, bytes: 250_000, seed: "s-1" } },
    });
  });
});

describe("contenders", () => {
  const hosts = hostsOf(2);
  const ssh = sshOptions("/s");

  test("connect with the deploy key, and to pinned hosts only", () => {
    expect(ssh.join(" ")).toBe(
      "-F /dev/null -o IdentityFile=/s/keys/deploy -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile=/s/known_hosts -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o LogLevel=ERROR",
    );
  });

  test("raw: all hosts in parallel, one copy and one connection that switches for each", () => {
    const argv = rawArgv(10, ["-F", "x"]);
    expect(argv.slice(0, 7)).toEqual(["xargs", "-P", "10", "-n", "2", "sh", "-c"]);
    expect(argv[7]).toBe(
      'nix copy --no-check-sigs --to "ssh-ng://root@$1" "$2" && exec ssh -F x "root@$1" ' +
        '"nix-env -p /nix/var/nix/profiles/system --set $2 && $2/bin/switch-to-configuration switch"',
    );
    expect(connectArgv(3, ["-F", "x"]).slice(2, 3)).toEqual(["3"]);
    expect(pairs(hosts, ["/nix/store/a", "/nix/store/b"])).toBe(
      "203.0.113.1 /nix/store/a\n203.0.113.2 /nix/store/b\n",
    );
  });

  test("deploy-rs: without `nix flake check`, with the same ssh options, and with its rollbacks", () => {
    expect(deployRsArgv("/c/deploy", "/s/flake")).toEqual(["/c/deploy", "--skip-checks", "path:/s/flake"]);
    expect(JSON.parse(deployRsSettings(hosts, "/s", "x86_64-linux"))).toEqual({
      system: "x86_64-linux",
      addresses: { h001: "203.0.113.1", h002: "203.0.113.2" },
      sshOpts: ssh,
    });
    const flake = readFileSync("bench/deploy-rs/flake.nix", "utf8");
    expect(flake).toMatch(/magicRollback = true;\s+autoRollback = true;/);
  });
});
