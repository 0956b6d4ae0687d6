import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as z from "zod";
import { failureReason } from "../../../components/failures.ts";
import { stackOutputs } from "../../../outputs/contract.ts";
import { publicKeyOf } from "../mocks.ts";
import { store } from "./fleet-world.ts";

const report = z.object({
  named: z.array(z.string()),
  environment: z.object({ PANTHEROS_VERDICT: z.string(), PANTHEROS_VERDICT_EXIT: z.string() }),
  outputs: stackOutputs,
  exitCode: z.number().optional(),
  errors: z.array(z.string()),
});

async function run(...failing: string[]) {
  const program = "tests/unit/components/failing-fleet.ts";
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...failing]);
  const { named, environment, ...rest } = report.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  const deployed = named.flatMap((name) => (name.endsWith("-deploy") ? [name.slice(0, -7)] : []));
  const { PANTHEROS_VERDICT: verdict, PANTHEROS_VERDICT_EXIT: exit } = environment;
  return { named, deployed, verdict, exit, ...rest };
}

test("a server fails: the other hosts are deployed to, and the outputs have the known values", async () => {
  const { deployed, verdict, exit, outputs, exitCode } = await run("db-server");
  expect(deployed).toEqual(["legacy", "web"]);
  const { web, db } = outputs.hosts;
  expect(web).toMatchObject({ outcome: "confirmed", closure: store("a", "web") });
  const reason = "db-server (hcloud:index/server:Server) failed";
  expect(db).toMatchObject({ outcome: "failed", reason, addresses: { ipv4: "203.0.113.7" } });
  expect(db).toMatchObject({ hostKey: publicKeyOf("db-host-key") });
  expect(db).not.toHaveProperty("closure");
  expect(exit).toBe("1");
  // The host's result has the reason; its secrets add no further problem.
  expect(verdict).toMatch(/^1 of 3 hosts not converged\ndb: failed at resources\n/);
  expect(exitCode).toBeGreaterThan(0);
});

test("a tailnet key fails: its new machine is not installed, since it could never join the tailnet", async () => {
  const { deployed, named, verdict, outputs } = await run("tailnet-key-db");
  expect(deployed).toEqual(["legacy", "web"]);
  expect(named.filter((name) => name.endsWith("-install"))).toEqual(["web-install"]);
  const reason = "tailnet-key-db (tailscale:index/tailnetKey:TailnetKey) failed";
  expect(outputs.hosts["db"]).toMatchObject({ outcome: "failed", reason });
  expect(verdict).toMatch(/^1 of 3 hosts not converged\ndb: failed at resources\n/);
});

test.each(["db", "legacy"])(
  "host %s can't be evaluated: the others are deployed to, and the verdict says why",
  async (host) => {
    const { deployed, verdict, exit, outputs, exitCode, errors } = await run(`evaluate:${host}`);
    expect(deployed).toEqual(["db", "legacy", "web"].filter((name) => name !== host));
    expect(outputs.hosts["web"]).toMatchObject({ outcome: "confirmed", closure: store("a", "web") });
    const reason = "error: attribute 'nope' missing";
    expect(outputs.hosts[host]).toMatchObject({ outcome: "failed", reason });
    expect(outputs.hosts[host]).toHaveProperty("hostKey");
    expect(exit).toBe("1");
    expect(verdict).toMatch(
      new RegExp(`^1 of 3 hosts not converged\n${host}: failed at evaluate\n.*${reason}\n`),
    );
    expect(verdict).toContain("command: | nix eval (exit 1)\n  hint:    fix it");
    // One error for the host, however many resources need its system.
    expect(errors).toEqual([expect.stringContaining(`${host} can't be evaluated`)]);
    expect(exitCode).toBeGreaterThan(0);
  },
);

test("a record, a bucket and a reverse name fail: every host is deployed to, and the outputs leave them out", async () => {
  const { deployed, exit, outputs, exitCode, errors } = await run(
    "zone-example.test-txt",
    "buckets-cache",
    "web-rdns-ipv4",
  );
  expect(deployed).toEqual(["db", "legacy", "web"]);
  expect(exit).toBe("0");
  expect(outputs.dns.records.filter(({ type }) => type === "TXT")).toEqual([]);
  expect(outputs.dns.records.map(({ name }) => name)).toContain("hello.example.test");
  expect(Object.keys(outputs.buckets).sort()).toEqual(["backups", "postgres", "state"]);
  // The program must fail: otherwise the engine would delete the resources that were not registered.
  expect(exitCode).toBeGreaterThan(0);
  expect(errors).toContainEqual(
    expect.stringMatching(
      /^a resource failed, and its own error is in this list; this run deletes nothing; if it exists at the vendor, run tools\/pantheros recover --stack \S+$/,
    ),
  );
});

test("the source of a secret fails: an installed host is deployed to, and the verdict names the secret", async () => {
  const { deployed, verdict, exit } = await run("tailnet-key-legacy");
  expect(deployed).toEqual(["db", "legacy", "web"]);
  expect(exit).toBe("1");
  expect(verdict).toContain(
    "legacy: secret tailscale-auth-key not delivered: tailnet-key-legacy (tailscale:index/tailnetKey:TailnetKey) failed",
  );
});

test("nothing fails: the program succeeds", async () => {
  const { exit, exitCode, errors } = await run();
  expect([exit, exitCode, errors]).toEqual(["0", undefined, []]);
});

test("the reason is the failed resource, or refers to the error that the run prints once", () => {
  const through = 'error serializing property "outputs": error serializing property "create": ';
  expect(
    failureReason(new Error(`${through}resource web-ipv4 [hcloud:index:PrimaryIp] failed to register`)),
  ).toBe("web-ipv4 (hcloud:index:PrimaryIp) failed");
  for (const [message, reason] of [
    ['1Password: vault "v": no credentials', '1Password: vault "v": see the error of this run'],
    ["1Password: op://v/web/token: no item", "1Password: op://v/web/token: see the error of this run"],
    ["Hetzner Cloud does not answer: refused", "Hetzner Cloud does not answer: see the error of this run"],
  ]) {
    expect(failureReason(new Error(`${through}${message}`))).toBe(reason);
  }
});
