import { NixosHost } from "../../../components/nixos-host/nixos-host.ts";
import { pinnedHostText } from "../../../components/nixos-host/pin.ts";
import { deploySpec } from "../../../deployer/deploy/spec.ts";
import { newSystem, oldSystem, status } from "../deployer/fixtures.ts";
import { hostKey, record, resolved } from "../mocks.ts";

const pinned = { outPath: oldSystem, pinned: true } as const;

async function host(seen: unknown, preview = false) {
  return record(
    () =>
      new NixosHost("web", {
        host: "web",
        address: "203.0.113.10",
        hostKey,
        converge: "must",
        user: "deploy",
        maybeUnmanaged: false,
        pin: oldSystem,
      }),
    {
      preview,
      hostAnswer: seen,
      computed: {
        "command:local:Command": () => ({
          stdout: JSON.stringify({
            schemaVersion: 1,
            host: "web",
            outcome: "confirmed",
            token: "t",
            seconds: {},
          }),
        }),
      },
    },
  );
}

test("a pinned host is not evaluated or built: its deploy has a system and no derivation", async () => {
  const { recording, result } = await host(status({ system: newSystem }));
  const { inputs } = recording.named("web-deploy");
  expect((inputs["triggers"] as string[])[0]).toBe(oldSystem);
  const spec = deploySpec.parse(
    JSON.parse((inputs["environment"] as Record<string, string>)["PANTHEROS_DEPLOY"] ?? ""),
  );
  expect(spec.outPath).toBe(oldSystem);
  expect(spec.drvPath).toBeUndefined();
  expect(result.pin).toBe(oldSystem);
  expect(await resolved(result.result)).toMatchObject({ outcome: "confirmed" });
});

test("a host that runs its pin keeps its token: no change", async () => {
  const { recording } = await host(status({ system: oldSystem, token: "kept" }));
  expect(recording.named("web-deploy").inputs["triggers"]).toEqual([oldSystem, "kept"]);
});

test("the preview shows the pin as the reason", () => {
  const probe = { reached: true, user: "deploy", status: status({ system: newSystem }) } as const;
  expect(pinnedHostText("web", pinned, probe)?.split("\n")).toEqual([
    expect.stringMatching(
      /^web: pinned to \S+ by pantheros:pins \(rolled back on purpose\): a different system is wanted$/,
    ),
    `  runs    ${newSystem}`,
    `  pinned  ${oldSystem}`,
  ]);
  expect(pinnedHostText("web", pinned, { ...probe, status: status({ system: oldSystem }) })).toBeUndefined();
  expect(pinnedHostText("web", pinned, { reached: false, reason: "x\nno answer", hint: "look" })).toContain(
    "hint    look",
  );
});
