import * as pulumi from "@pulumi/pulumi";
import { reportEvaluation } from "../../../components/fleet/evaluation-progress.ts";
import type { HostEvaluation } from "../../../deployer/evaluation/target.ts";

test("every two seconds the hosts that are done are counted, until all are", async () => {
  jest.useFakeTimers();
  const info = jest.spyOn(pulumi.log, "info").mockResolvedValue();
  const failure = { failure: { command: "nix", reason: "no", hint: "fix it" } };
  const [web, db] = [Promise.withResolvers<HostEvaluation>(), Promise.withResolvers<HostEvaluation>()];
  reportEvaluation(
    new Map([
      ["web", web.promise],
      ["db", db.promise],
    ]),
  );
  await jest.advanceTimersByTimeAsync(1900);
  expect(info).not.toHaveBeenCalled();
  web.resolve(failure);
  await jest.advanceTimersByTimeAsync(200);
  expect(info).toHaveBeenLastCalledWith("evaluated 1 of 2 hosts, 2 s", undefined, undefined, true);
  db.reject(new Error("no Nix"));
  await jest.advanceTimersByTimeAsync(10_000);
  expect(info).toHaveBeenCalledTimes(1);
  jest.useRealTimers();
  info.mockRestore();
});
