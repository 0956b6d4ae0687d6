import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { SetupContext } from "../../../tools/toolchain/paths.ts";
import { officialCliStep, officialPluginsStep } from "../../../tools/toolchain/pulumi-official.ts";
import { resolveSource } from "../../../tools/toolchain/pulumi-source.ts";

// Serves an official download on loopback: a tarball with the real one's layout, and its checksums.
let scratch = "";
let server: Server;
let setup: SetupContext;
let env: NodeJS.ProcessEnv;
const served = new Map<string, Buffer>();
const TARBALL = "/pulumi-v3.1.2-linux-x64.tar.gz";
const CHECKSUMS = "/pulumi-3.1.2-checksums.txt";

beforeEach(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), "pantheros-official-"));
  mkdirSync(path.join(scratch, "pulumi"));
  writeFileSync(path.join(scratch, "pulumi/pulumi"), "#!/bin/sh\necho v3.1.2\n");
  chmodSync(path.join(scratch, "pulumi/pulumi"), 0o755);
  spawnSync("tar", ["-czf", "release.tar.gz", "pulumi"], { cwd: scratch });
  const archive = readFileSync(path.join(scratch, "release.tar.gz"));
  const sum = createHash("sha256").update(archive).digest("hex");
  served.clear();
  served.set(TARBALL, archive);
  served.set(CHECKSUMS, Buffer.from(`${sum}  ${TARBALL.slice(1)}\n`));
  server = createServer((request, response) => {
    const body = served.get(request.url ?? "");
    response.writeHead(body === undefined ? 404 : 200).end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  env = { PANTHEROS_PULUMI_DOWNLOADS: `http://127.0.0.1:${port}`, PULUMI_HOME: path.join(scratch, "home") };
  const cache = path.join(scratch, "cache");
  mkdirSync(cache);
  setup = {
    root: process.cwd(),
    cache,
    pulumiVersion: "3.1.2",
    nixVersion: "2",
    nixSuite: "s",
    servicesSuite: "s",
    arch: "x64",
  };
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(scratch, { recursive: true, force: true });
});

const installed = () => readdirSync(setup.cache).filter((name) => name.startsWith("pulumi-official"));

test("the CLI is downloaded, checked and installed; afterwards it is present", async () => {
  const step = officialCliStep(setup, "test", env);
  expect(await step.present()).toBeUndefined();
  await step.install();
  expect(await step.present()).toBe("official 3.1.2 (test)");
  expect(existsSync(path.join(setup.cache, "pulumi-official-3.1.2/pulumi.tar.gz"))).toBe(false);
});

test("a download with a wrong checksum is not installed", async () => {
  served.set(TARBALL, Buffer.from("something else"));
  await expect(officialCliStep(setup, "test", env).install()).rejects.toThrow("SHA-256");
  expect(installed()).toEqual([expect.stringContaining(".part-")]);
});

test("a missing file is named with its status", async () => {
  served.delete(CHECKSUMS);
  await expect(officialCliStep(setup, "test", env).install()).rejects.toThrow(/checksums\.txt answers 404/);
  expect(installed()).toEqual([]);
});

test("the source is official if its download is reachable, otherwise the registries", async () => {
  expect(await resolveSource(setup, env)).toMatchObject({ source: "official", fresh: true });
  expect(readFileSync(path.join(setup.cache, "pulumi-source"), "utf8")).toBe("official\n");
  rmSync(path.join(setup.cache, "pulumi-source"));
  served.delete(TARBALL);
  expect(await resolveSource(setup, env)).toMatchObject({ source: "registry", fresh: true });
  // The result is kept for a day.
  served.set(TARBALL, Buffer.from(""));
  expect(await resolveSource(setup, env)).toMatchObject({ source: "registry", fresh: false });
});

test("each missing plugin of package.json is installed in its exact version", async () => {
  const cli = path.join(setup.cache, "pulumi-official-3.1.2/bin/pulumi");
  mkdirSync(path.dirname(cli), { recursive: true });
  writeFileSync(
    cli,
    '#!/bin/sh\nmkdir -p "$PULUMI_HOME/plugins/resource-$4-v$5"\necho "$@" >>"$PULUMI_HOME/calls"\n',
  );
  chmodSync(cli, 0o755);
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
    dependencies: Record<string, string>;
  };
  const there = `home/plugins/resource-command-v${dependencies["@pulumi/command"]}`;
  mkdirSync(path.join(scratch, there), { recursive: true });
  process.env["PULUMI_HOME"] = env["PULUMI_HOME"];
  try {
    const step = officialPluginsStep(setup, env);
    expect(await step.present()).toBeUndefined();
    await step.install();
    expect(await step.present()).toContain("official");
  } finally {
    delete process.env["PULUMI_HOME"];
  }
  const calls = readFileSync(path.join(scratch, "home/calls"), "utf8");
  expect(calls).toContain(`plugin install resource hcloud ${dependencies["@pulumi/hcloud"]}\n`);
  expect(calls).toMatch(/plugin install resource onepassword \S+ --server github:/);
  expect(calls).not.toContain("resource command");
});
