import * as pulumi from "@pulumi/pulumi";
import { NixosHost, type NixosHostArgs } from "../../../components/nixos-host/nixos-host.ts";
import { deploySpec } from "../../../deployer/deploy/spec.ts";
import type { HostEvaluation } from "../../../deployer/evaluation/target.ts";
import type { DeployResult } from "../../../deployer/protocol/result.ts";
import { drv, newSystem, status, system } from "../deployer/fixtures.ts";
import { hostKey, type Recording, record, resolved } from "../mocks.ts";

const target = (letter: string, host: string) => ({
  drvPath: drv(letter),
  outPath: system(letter, host),
  system: "x86_64-linux",
  kernel: "/nix/store/k/bzImage",
  inhibitors: {},
  units: {},
});
const evaluation: HostEvaluation = { target: target("b", "web") };
const args: NixosHostArgs = {
  host: "web",
  address: "203.0.113.10",
  port: 22,
  hostKey,
  evaluation,
  converge: "must",
  user: "deploy",
  maybeUnmanaged: false,
};
const confirmed = (host: string): DeployResult => ({
  schemaVersion: 1,
  host,
  outcome: "confirmed",
  running: newSystem,
  token: "t1",
  seconds: {},
});

const deploys = (result: (host: string) => DeployResult) => ({
  "command:local:Command": (_: unknown, name: string) => ({
    stdout: name.endsWith("-install")
      ? JSON.stringify({ schemaVersion: 1, host: "web", outcome: "installed", seconds: {} })
      : JSON.stringify(result(name.replace(/-deploy$/, ""))),
  }),
});

async function host(
  more: Partial<NixosHostArgs> = {},
  seen: unknown = status(),
  preview = false,
  unmanaged = false,
) {
  return record(() => new NixosHost("web", { ...args, ...more }), {
    hostAnswer: seen,
    unmanaged,
    computed: deploys(confirmed),
    preview,
  });
}
const specOf = (recording: Recording, name = "web-deploy") =>
  deploySpec.parse(
    JSON.parse(
      (recording.named(name).inputs["environment"] as Record<string, string>)["PANTHEROS_DEPLOY"] ?? "",
    ),
  );

test("one deploy per host, triggered by the system and the token", async () => {
  const { recording, result } = await host();
  const { inputs, parent } = recording.named("web-deploy");
  expect(inputs["triggers"]).toEqual([newSystem, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  expect(inputs["delete"]).toBeUndefined();
  expect(inputs["update"]).toBeUndefined();
  expect(parent).toContain("pantheros:nixos:Host::web");
  expect(specOf(recording)).toMatchObject({
    host: "web",
    address: "203.0.113.10",
    managed: true,
    outPath: newSystem,
    drvPath: drv("b"),
    hostKeys: [hostKey],
    token: (inputs["triggers"] as string[])[1],
  });
  expect(await resolved(result.result)).toEqual(confirmed("web"));
});

test("every other input is left out of the diff, so that a new script causes no deploy", async () => {
  const { recording } = await host();
  const { inputs, ignoreChanges } = recording.named("web-deploy");
  for (const input of Object.keys(inputs).filter((each) => each !== "triggers"))
    expect(ignoreChanges).toContain(input);
  for (const input of [
    "create",
    "update",
    "delete",
    "environment",
    "stdin",
    "dir",
    "interpreter",
    "logging",
  ]) {
    expect(ignoreChanges).toContain(input);
  }
  expect(ignoreChanges.filter((each) => each.startsWith("triggers"))).toEqual([]);
});

test("a converged host keeps its token: no change", async () => {
  const { recording } = await host({}, status({ system: newSystem, token: "kept" }));
  expect(recording.named("web-deploy").inputs["triggers"]).toEqual([newSystem, "kept"]);
});

test("converged, but held in the last run: deployed again, since its result would stay `held`", async () => {
  const triggers = async (outcome: DeployResult["outcome"]) => {
    const previous = async () => ({ installs: {}, deploys: { "web-deploy": outcome } });
    const { recording } = await host({ previous }, status({ system: newSystem, token: "kept" }));
    return recording.named("web-deploy").inputs["triggers"];
  };
  expect(await triggers("held")).toEqual([newSystem, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  expect(await triggers("failed")).toEqual([newSystem, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  expect(await triggers("confirmed")).toEqual([newSystem, "kept"]);
  expect(await triggers("staged")).toEqual([newSystem, "kept"]);
});

test("the state is read only for a converged host", async () => {
  const previous = jest.fn(async () => ({ installs: {}, deploys: {} }));
  await host({ previous });
  await host({ previous }, undefined);
  expect(previous).not.toHaveBeenCalled();
  await host({ previous }, status({ system: newSystem, token: "kept" }));
  expect(previous).toHaveBeenCalledTimes(1);
});

test("two runs give two tokens", async () => {
  const tokens = [await host(), await host()].map(
    ({ recording }) => (recording.named("web-deploy").inputs["triggers"] as string[])[1],
  );
  expect(new Set(tokens).size).toBe(2);
});

test("without a probe the host is not queried, and the token is left out of the diff", async () => {
  const { recording } = await host({ probe: false });
  expect(recording.calls).toEqual([]);
  expect(recording.named("web-deploy").ignoreChanges).toContain("triggers[1]");
});

test("the deploy of an unmanaged machine is marked as such", async () => {
  const { recording } = await host(
    { maybeUnmanaged: true },
    status({ version: 0, confirmed: false, token: null }),
    false,
    true,
  );
  expect(specOf(recording).managed).toBe(false);
});

test("the deploy's input stays under 1 kB", async () => {
  const { recording } = await host({
    push: "s3://cache?endpoint=s3.example.test&region=eu-central-003",
    seconds: { confirm: 30, health: 60 },
  });
  const environment = recording.named("web-deploy").inputs["environment"] as Record<string, string>;
  expect(environment["PANTHEROS_DEPLOY"]?.length).toBeLessThan(1024);
});

class Unmade extends pulumi.CustomResource {
  declare readonly address: pulumi.Output<string>;
  constructor() {
    super("test:index:Server", "server", { address: undefined });
  }
}

test("a preview of a new host, whose address is unknown, runs no probe and succeeds", async () => {
  const { recording } = await record(() => new NixosHost("web", { ...args, address: new Unmade().address }), {
    hostAnswer: status(),
    preview: true,
  });
  expect([recording.hostCommands, recording.calls]).toEqual([[], []]);
  expect(recording.named("web-deploy").type).toBe("command:local:Command");
});

test("the probe names no system, so it does not need the evaluation; units are read only on request", async () => {
  const { recording } = await record(() => new NixosHost("web", args).inspect(), {
    hostAnswer: status(),
    computed: deploys(confirmed),
  });
  const verb = "sudo -n /run/current-system/sw/bin/pantheros-supervisor status";
  // Both run at once.
  expect([...recording.hostCommands].sort()).toEqual([verb, `${verb} ${newSystem}`]);
});

describe("waves", () => {
  async function two(first: DeployResult) {
    return record(
      () => {
        const canary = new NixosHost("db", { ...args, host: "db" });
        return new NixosHost("web", { ...args, after: [canary] });
      },
      {
        hostAnswer: status(),
        computed: deploys((name) => (name === "db" ? first : confirmed(name))),
      },
    );
  }

  test("a confirmed canary holds no host", async () => {
    const { recording } = await two(confirmed("db"));
    expect(specOf(recording).heldBy).toEqual([]);
  });

  test("a canary that rolled back holds the next wave, whose token stays fresh", async () => {
    const { recording } = await two({ ...confirmed("db"), outcome: "rolled-back" });
    expect(specOf(recording).heldBy).toEqual(["db (rolled-back)"]);
  });
});

describe("a host to be installed", () => {
  const install = {
    address: "203.0.113.10",
    hostPrivateKey: "PLANTED PRIVATE KEY",
    bootstrapKey: "ssh-ed25519 THROWAWAY",
    machineId: "42",
  };

  test("the private key goes to standard input as a secret, and nowhere else", async () => {
    const { recording } = await host({ install }, undefined);
    expect(recording.isSecret("web-install", "stdin")).toBe(true);
    expect(recording.plainText()).not.toContain("PLANTED");
    expect(recording.named("web-install").inputs["triggers"]).toEqual(["42", expect.any(String)]);
  });

  const stored = (triggers: readonly string[], outcome: string) => async () => ({
    installs: { "web-install": { triggers, done: outcome !== "failed" } },
    deploys: {},
  });
  const triggersOf = (recording: Recording) => recording.named("web-install").inputs["triggers"];
  const unreached = (previous: NixosHostArgs["previous"], more = {}) =>
    record(
      () =>
        new NixosHost("web", { ...args, install: { ...install, ...more }, ...(previous && { previous }) }),
      {
        computed: deploys(confirmed),
      },
    );

  test("an installed machine shows no change, whether it answers or is off", async () => {
    const previous = stored(["42", "kept"], "installed");
    const { recording } = await host({ install, previous }, status());
    expect(triggersOf(recording)).toEqual(["42", "kept"]);
    expect(triggersOf((await unreached(previous)).recording)).toEqual(["42", "kept"]);
  });

  test("a machine that was never installed has a new trigger in every run", async () => {
    const previous = stored(["42", "kept"], "failed");
    for (const known of [previous, undefined]) {
      const [first, second] = [await unreached(known), await unreached(known)].map(
        ({ recording }) => (triggersOf(recording) as string[])[1],
      );
      expect(first).not.toBe("kept");
      expect(first).not.toBe(second);
    }
  });

  test("a machine that is managed already has a constant trigger", async () => {
    const { recording } = await host({ install }, status());
    expect(triggersOf(recording)).toEqual(["42", "present"]);
  });

  test("a host that is wiped is deployed to again, whatever its status was", async () => {
    const previous = stored(["42", "kept"], "installed");
    const wiped = { ...install, previous, reinstall: "f".repeat(32) };
    const { recording } = await host({ install: wiped }, status({ system: newSystem, token: "t0" }));
    expect(triggersOf(recording)).toEqual([`42 reinstall ${"f".repeat(32)}`, "present"]);
    expect((recording.named("web-deploy").inputs["triggers"] as string[])[1]).not.toBe("t0");
  });

  test("the vendor's settings and the time limits reach the installer; the spec stays under 1 kB", async () => {
    const { recording } = await unreached(undefined, {
      provider: {
        kind: "rack",
        stack: "test",
        settings: { endpoint: "https://api.example.test/v1", image: "debian-13" },
        allowedSources: ["198.51.100.1/32"],
      },
      seconds: { boot: 60 },
    });
    const environment = recording.named("web-install").inputs["environment"] as Record<string, string>;
    expect(JSON.parse(environment["PANTHEROS_INSTALL"] ?? "")).toMatchObject({
      user: "deploy",
      provider: { kind: "rack", server: "42", allowedSources: ["198.51.100.1/32"] },
      seconds: { boot: 60 },
    });
    expect(environment["PANTHEROS_INSTALL"]?.length).toBeLessThan(1024);
  });

  test("a failed install holds the deploy, and is the host's result", async () => {
    const failing = JSON.stringify({
      schemaVersion: 1,
      host: "web",
      outcome: "failed",
      phase: "kexec",
      seconds: {},
    });
    const { recording, result } = await record(() => new NixosHost("web", { ...args, install }), {
      computed: { "command:local:Command": (_, name) => ({ stdout: name === "web-install" ? failing : "" }) },
    });
    expect(specOf(recording).heldBy).toEqual(["web (not installed)"]);
    expect(await resolved(result.result)).toMatchObject({ outcome: "failed", step: "install kexec" });
  });
});
