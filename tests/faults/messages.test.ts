import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { edit, WITH_DB } from "./fleet.ts";
import { type Finished, type Snapshot, World } from "./world.ts";

// Failures that concern a whole run: the run prints the cause once, first, and in few lines, without
// colour codes and stack traces.

jest.setTimeout(20 * 60_000);

const WHOLE = process.env["PANTHEROS_FAULTS"] === "all";

let world: World;
let empty: Snapshot;
beforeAll(async () => {
  world = await World.make("sandbox");
  await world.startVendors();
  await world.write(WITH_DB);
  empty = await world.snapshot(mkdtempSync(join(tmpdir(), "pantheros-start-")));
  await world.restore(empty);
  const made = await world.up();
  if (made.code !== 0) throw new Error(made.output);
});
afterAll(async () => {
  await world?.remove();
  if (empty !== undefined) rmSync(empty.directory, { recursive: true, force: true });
});

const COMMANDS = ["preview", "up"] as const;
type Command = (typeof COMMANDS)[number];
const run = (command: Command): Promise<Finished> =>
  command === "up" ? world.up() : world.pulumi([command]);

/** Lines of each error in the diagnostics, with the word `error:`. */
function errorsOf(output: string): string[][] {
  const errors: string[][] = [];
  const lines = output.slice(output.indexOf("Diagnostics:")).split("\n");
  let own: string[] | undefined;
  for (const line of lines) {
    if (/^ {4}error:/.test(line)) {
      own = [];
      errors.push(own);
    } else if (!line.startsWith("    ")) own = undefined;
    own?.push(line.trim());
  }
  return errors;
}

/** The run failed, and its only error is at most 12 lines long and begins with the cause. */
function expectOnce({ code, output }: Finished, cause: string | RegExp): void {
  const errors = errorsOf(output);
  expect([code === 0, errors.length, code === 0 || errors.length !== 1 ? output : ""]).toEqual([
    false,
    1,
    "",
  ]);
  const [[word, first, ...more] = []] = errors;
  expect(word).toBe("error:");
  expect(first).toMatch(cause);
  expect(more.length).toBeLessThanOrEqual(10);
  expect(output.split(first ?? "")).toHaveLength(2);
  expectPlain(output);
}

/** The run failed, its first own error is this cause, and nothing else of the output has it. */
function expectCause({ code, output }: Finished, cause: RegExp): void {
  expect([code === 0, code === 0 ? output : ""]).toEqual([false, ""]);
  const causes = errorsOf(output).filter(([, first = ""]) => cause.test(first));
  expect([causes.length, causes.length === 1 ? "" : output]).toEqual([1, ""]);
  const [[, first = ""] = []] = causes;
  const detail = first.slice(first.indexOf(": ") + 2).split(";")[0] ?? "";
  expect([output.split(detail).length - 1, detail]).toEqual([1, detail]);
  // The verdict and what the failure means for the run.
  expect([errorsOf(output).length <= 4, errorsOf(output).length <= 4 ? "" : output]).toEqual([true, ""]);
  expectPlain(output);
}

/** No escape sequences, stack traces or words of the SDK's. */
function expectPlain(output: string): void {
  expect(output).not.toContain("\u001b");
  expect(output).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  expect(output).not.toMatch(/unhandled|error serializing property/);
}

/** The stack's resources that are objects somewhere. */
const resources = (): string[] =>
  (world.deployment.resources ?? [])
    .flatMap(({ urn, id }) => (id === undefined ? [] : [`${urn} ${id}`]))
    .sort();

describe("the flake cannot be evaluated", () => {
  // As Nix prints it: the traces of the callers first, coloured, the cause last.
  const TRACE = [
    "\u001b[31;1merror:\u001b[0m",
    "       … while evaluating the attribute '\u001b[35;1mtoplevel\u001b[0m'",
    "\u001b[31;1merror:\u001b[0m undefined variable '\u001b[35;1mpkg\u001b[0m'",
    "       at /srv/infra/nix/profiles/server.nix:12:5:",
    ...Array.from({ length: 30 }, (_, at) => `           ${at}|   line`),
  ];
  beforeAll(() => {
    mkdirSync(world.file("failing-nix"));
    writeFileSync(world.file("trace"), TRACE.join("\n"));
    const script = `#!/bin/sh\ncat '${world.file("trace")}' >&2\nexit 1\n`;
    writeFileSync(world.file("failing-nix/nix"), script, { mode: 0o755 });
  });
  test.each(COMMANDS)("%s: one error, before anything is changed", async (command) => {
    const { PATH } = world.env;
    world.env["PATH"] = `${world.file("failing-nix")}:${PATH}`;
    const before = resources();
    try {
      const ran = await run(command);
      expectOnce(ran, /^evaluating the flake failed/);
      expect(ran.output).toContain("undefined variable 'pkg'");
      expect(ran.output).toMatch(/^ +command: nix .*eval/m);
      expect(resources()).toEqual(before);
    } finally {
      world.env["PATH"] = PATH;
    }
  });
});

describe("the inventory is not valid", () => {
  const hosts = Array.from(
    { length: 100 },
    (_, at) =>
      `\n[hosts.node${at}]\nenvironment = "sandbox"\nprofiles = ["server"]\nprovider = { kind = "hetzner", location = "fsn1", server_type = "cx23" }\n`,
  ).join("");
  const cases: readonly [string, string, RegExp][] = [
    [
      "an unknown host among 100",
      edit(WITH_DB, 'host = "db"\nport = 5432', 'host = "nodee42"\nport = 5432') + hosts,
      /services\.database\.host: unknown host "nodee42"; did you mean "node42"\? /,
    ],
    [
      "the same mistake in 100 hosts",
      WITH_DB + hosts.replaceAll('["server"]', '["servr"]'),
      /hosts\.node0\.profiles/,
    ],
    [
      "a line that is not TOML",
      edit(WITH_DB, "[hosts.db]", "[hosts.db"),
      /fleet\.toml: line \d+, column \d+: /,
    ],
  ];
  test.each(
    cases.flatMap(([name, fleet, cause]) =>
      COMMANDS.map((command) => [name, command, fleet, cause] as const),
    ),
  )("%s, %s: one error", async (_, command, fleet, cause) => {
    const file = world.file("fleet.toml");
    const valid = readFileSync(file, "utf8");
    writeFileSync(file, fleet.replaceAll("ENVIRONMENT", "sandbox").replace("DISPOSABLE", "true"));
    try {
      expectOnce(await run(command), cause);
    } finally {
      writeFileSync(file, valid);
    }
  });
});

describe("a vendor gives no answer", () => {
  // Nothing listens there.
  const NOWHERE = "http://127.0.0.1:1";
  const endpoints: readonly [string, RegExp, RegExp][] = [
    ["Hetzner Cloud", /hcloud:endpoint: \S+/, /^Hetzner Cloud does not answer: .*127\.0\.0\.1:1/],
    ["Cloudflare", /cloudflare:baseUrl: \S+/, /^Cloudflare: zone example\.test: .*127\.0\.0\.1:1/],
    ["Tailscale", /tailscale:baseUrl: \S+/, /^Tailscale does not answer: .*127\.0\.0\.1:1/],
    ["the bucket store", /pantheros:s3Endpoint: \S+/, /^the bucket store does not answer: .*127\.0\.0\.1:1/],
  ];
  test.each(endpoints)(
    "%s, with nothing created yet: one error beside the verdict",
    async (_, key, cause) => {
      await world.restore(empty);
      const file = world.file("Pulumi.faults.yaml");
      const name = /^[a-zA-Z0-9]+:[a-zA-Z0-9]+/.exec(key.source)?.[0];
      writeFileSync(file, edit(readFileSync(file, "utf8"), key, `${name}: ${NOWHERE}`));
      expectCause(await world.up(), cause);
    },
  );

  const tokens: readonly [string, string | undefined, RegExp][] = [
    ["not signed in", undefined, /no credentials.*; set OP_SERVICE_ACCOUNT_TOKEN/],
    ["a wrong token", "ops_wrong", /Unauthorized.*; set OP_SERVICE_ACCOUNT_TOKEN/],
  ];
  test.each(WHOLE ? tokens : tokens.slice(0, 1))(
    "1Password, %s: one error beside the verdict, which names the hosts",
    async (_, token, cause) => {
      await world.restore(empty);
      if (token === undefined) delete world.env["OP_SERVICE_ACCOUNT_TOKEN"];
      else world.env["OP_SERVICE_ACCOUNT_TOKEN"] = token;
      const preview = await world.pulumi(["preview"]);
      expectOnce(preview, cause);
      const up = await world.up();
      expectCause(up, cause);
      expect(up.output).toMatch(
        /^ +db, legacy: secret token not delivered: 1Password: vault "faults": see the error/m,
      );
    },
  );
});
