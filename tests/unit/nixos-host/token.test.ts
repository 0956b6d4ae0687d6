import * as fc from "fast-check";
import {
  deployReason,
  isConverged,
  OFFLINE_TOKEN,
  wantedToken,
} from "../../../components/nixos-host/token.ts";
import type { Probe } from "../../../deployer/probe.ts";
import { newSystem, oldSystem, status, system } from "../deployer/fixtures.ts";

const fresh = "fresh-1";
const paths = fc.constantFrom(oldSystem, newSystem, system("c"));
const statuses = fc
  .record({
    system: paths,
    profile: paths,
    bootDefault: fc.option(paths),
    token: fc.option(fc.constantFrom("t0", "t1", OFFLINE_TOKEN)),
    confirmed: fc.boolean(),
    phase: fc.constantFrom("idle", "switching", "waiting", "rolling-back"),
    version: fc.constantFrom(0, 1),
  })
  .map((given) => status(given));
const probes: fc.Arbitrary<Probe> = fc.oneof(
  fc.constant<Probe>({ reached: false, reason: "no answer in time" }),
  statuses.map((seen): Probe => ({ reached: true, user: "deploy", status: seen })),
);
const converges = fc.constantFrom("must" as const, "best-effort" as const);

test("the token is the stored one exactly if the host is converged", () => {
  fc.assert(
    fc.property(statuses, paths, converges, (seen, outPath, converge) => {
      const token = wantedToken({
        outPath,
        probe: { reached: true, user: "deploy", status: seen },
        converge,
        fresh,
      });
      const converged =
        seen.phase === "idle" &&
        seen.confirmed &&
        seen.token !== null &&
        [seen.system, seen.profile, seen.bootDefault ?? outPath].every((path) => path === outPath);
      expect(token).toBe(converged ? seen.token : fresh);
    }),
    { numRuns: 2000 },
  );
});

test("a host that does not answer: a fresh token if it is required, a constant one if it is best-effort", () => {
  const probe: Probe = { reached: false, reason: "x" };
  expect(wantedToken({ outPath: newSystem, probe, converge: "must", fresh })).toBe(fresh);
  expect(wantedToken({ outPath: newSystem, probe, converge: "best-effort", fresh })).toBe(OFFLINE_TOKEN);
});

/** The host's probe after a confirmed deploy with that token. */
const confirmedWith = (outPath: string, token: string): Probe => ({
  reached: true,
  user: "deploy",
  status: status({ system: outPath, token }),
});

test("the run after a confirmed deploy shows no change, whatever the state before it", () => {
  fc.assert(
    fc.property(probes, paths, converges, (before, outPath, converge) => {
      const token = wantedToken({ outPath, probe: before, converge, fresh });
      const next = wantedToken({ outPath, probe: confirmedWith(outPath, token), converge, fresh: "fresh-2" });
      expect(next).toBe(token);
    }),
  );
});

test("converged, but its last deploy was not confirmed: one more deploy, with the reason in the preview", () => {
  const converged = confirmedWith(newSystem, "t0");
  for (const unfinished of ["held", "failed", "offline", "rolled-back"] as const) {
    const probe: Probe = { ...converged, unfinished } as Probe;
    expect(wantedToken({ outPath: newSystem, probe, converge: "must", fresh })).toBe(fresh);
    expect(deployReason(newSystem, probe)).toBe(
      `it runs the wanted system, but its last deploy ended ${unfinished}`,
    );
  }
  expect(wantedToken({ outPath: newSystem, probe: converged, converge: "must", fresh })).toBe("t0");
});

test("after a rollback every run tries again until one is confirmed", () => {
  const rolledBack: Probe = {
    reached: true,
    user: "deploy",
    status: status({ system: oldSystem, token: "t0" }),
  };
  const tokens = ["f1", "f2", "f3"].map((each) =>
    wantedToken({ outPath: newSystem, probe: rolledBack, converge: "must", fresh: each }),
  );
  expect(tokens).toEqual(["f1", "f2", "f3"]);
});

test("there is a reason to deploy exactly if the token is not the stored one", () => {
  fc.assert(
    fc.property(probes, paths, (probe, outPath) => {
      const why = deployReason(outPath, probe);
      if (!probe.reached || probe.status.version === 0) expect(why).toBeDefined();
      else expect(why === undefined).toBe(isConverged(probe.status, outPath) && probe.status.token !== null);
    }),
    { numRuns: 2000 },
  );
});
