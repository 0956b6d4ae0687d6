import { parsePreviousResults, underFormerName } from "../../../components/nixos-host/previous.ts";

const urn = (name: string) => `urn:pulumi:test::pantheros::a$b$command:local:Command::${name}`;
const command = (outputs: Record<string, unknown>) => ({ type: "command:local:Command", outputs });
const install = (outcome: string) => JSON.stringify({ schemaVersion: 1, host: "web", outcome, seconds: {} });
const deploy = (outcome: string) =>
  JSON.stringify({ schemaVersion: 1, host: "web", outcome, token: "t", seconds: {} });

test("results are read from a stack's resources; other resources are ignored", () => {
  expect(
    parsePreviousResults({
      outputs: {
        [urn("web-install")]: command({ triggers: ["42", "m"], stdout: install("installed") }),
        [urn("db-install")]: command({ triggers: ["43", "n"], stdout: install("failed") }),
        [urn("old-install")]: command({ triggers: ["44", "o"], stdout: "" }),
        [urn("web-deploy")]: command({ triggers: ["/nix/store/x", "t"], stdout: deploy("confirmed") }),
        [urn("db-deploy")]: command({ triggers: ["/nix/store/y", "u"], stdout: deploy("held") }),
        [urn("old-deploy")]: command({ triggers: ["/nix/store/z", "v"], stdout: "" }),
        [urn("web-probe-deploy")]: command({ stdout: deploy("held") }),
        "urn:pulumi:test::pantheros::pantheros:nixos:Install::web": {
          type: "pantheros:nixos:Install",
          outputs: {},
        },
      },
    }),
  ).toEqual({
    installs: {
      "web-install": { triggers: ["42", "m"], done: true },
      "db-install": { triggers: ["43", "n"], done: false },
      "old-install": { triggers: ["44", "o"], done: false },
    },
    deploys: { "web-deploy": "confirmed", "db-deploy": "held", "old-deploy": "failed" },
  });
  expect(parsePreviousResults(undefined)).toEqual({ installs: {}, deploys: {} });
});

test("a renamed host has the results of its former name until it has its own", async () => {
  const done = { triggers: ["42", "m"], done: true };
  const before = async () => ({
    installs: { "old-install": done },
    deploys: { "old-deploy": "held" as const, "web-deploy": "confirmed" as const },
  });
  const found = await underFormerName(before, "new", "old")();
  expect(found.installs["new-install"]).toEqual(done);
  expect(found.deploys["new-deploy"]).toBe("held");
  const after = async () => ({
    installs: {},
    deploys: { ...found.deploys, "new-deploy": "confirmed" as const },
  });
  expect((await underFormerName(after, "new", "old")()).deploys["new-deploy"]).toBe("confirmed");
  expect(await underFormerName(before, "web", undefined)()).toEqual(await before());
});
