import * as pulumi from "@pulumi/pulumi";
import {
  laterWaves,
  Prefetch,
  prefetchJobOf,
  prefetchTrigger,
} from "../../../components/nixos-host/prefetch.ts";
import { prefetchJobs, runPrefetchJobs } from "../../../deployer/prefetch/job.ts";
import { record } from "../mocks.ts";
import { broken, drv, newSystem, ok, refusedConnection, spec, status, world } from "./fixtures.ts";

const found = (more = {}) => ({ reached: true as const, user: "deploy", status: status(more) });
const away = { reached: false as const, reason: "no answer in time" };
const wave = (name: string, at: number) => ({ name, wave: at, converge: "must" as const });

test("a host has a prefetch job unless nothing can be prepared for it", () => {
  expect(prefetchJobOf(spec(), found())).toMatchObject({ copy: true });
  expect(prefetchJobOf(spec(), away)).toMatchObject({ copy: false });
  expect(prefetchJobOf(spec(), found({ system: newSystem }))).toBeUndefined();
  expect(prefetchJobOf(spec({ drvPath: undefined }), found())).toBeUndefined();
  expect(prefetchJobOf(spec({ build: "target", signer: "fleet" }), away)).toBeUndefined();
});

test("later waves are all but the first", () => {
  expect(laterWaves([wave("a", 2), wave("b", 2), wave("c", 5)]).map(({ name }) => name)).toEqual(["c"]);
  expect(laterWaves([wave("a", 1), wave("b", 1)])).toEqual([]);
});

test("the trigger depends on the wanted systems, not on their order", () => {
  const [a, b] = [
    { host: "a", outPath: "/x" },
    { host: "b", outPath: "/y" },
  ];
  expect(prefetchTrigger([a, b])).toBe(prefetchTrigger([b, a]));
  expect(prefetchTrigger([a, { ...b, outPath: "/z" }])).not.toBe(prefetchTrigger([a, b]));
});

test("systems are built, pushed and copied, never activated; a failure stops no other host", async () => {
  const list = prefetchJobs.parse([
    { spec: spec({ push: "s3://cache" }), copy: true },
    { spec: spec({ host: "away" }), copy: false },
  ]);
  const w = world({ build: [ok(`${newSystem}\n`)], push: [ok()], copy: [ok()] });
  expect(await runPrefetchJobs(list, w.tools)).toEqual({
    schemaVersion: 1,
    hosts: { web: "ready", away: "ready" },
  });
  expect(w.kinds().sort()).toEqual(["build", "build", "close", "connect", "copy", "push"]);
  const failing = world({
    build: [broken("error: builder failed"), ok(`${newSystem}\n`)],
    copy: [refusedConnection],
  });
  const { hosts } = await runPrefetchJobs(prefetchJobs.parse([{ spec: spec(), copy: true }]), failing.tools);
  expect(hosts["web"]).toBe("build: error: builder failed");
});

test("one resource, triggered only by the wanted systems", async () => {
  const { recording } = await record(
    () =>
      new Prefetch("prefetch", {
        hosts: [
          {
            hostname: "web",
            target: pulumi.output({ outPath: newSystem }),
            prefetchJob: pulumi.output({ spec: { ...spec(), drvPath: drv("b") }, copy: true }),
          },
        ],
      }),
  );
  const [made] = recording.ofType("command:local:Command");
  expect(made?.inputs["triggers"]).toEqual([prefetchTrigger([{ host: "web", outPath: newSystem }])]);
  expect(JSON.parse(String(made?.inputs["stdin"]))).toHaveLength(1);
});
