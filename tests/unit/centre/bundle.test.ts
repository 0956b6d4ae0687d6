/** The program of the service, as tools/centre/bundle.ts writes it. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";

let directory = "";
const writeBundle = () =>
  execFileSync(process.execPath, ["tools/centre/bundle.ts", path.join(directory, "centre")], {
    stdio: "pipe",
  });
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), "pantheros-bundle-"));
  writeBundle();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const statusOf = (socketPath: string, host: string, address: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    request({ socketPath, path: address, headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on("error", reject)
      .end();
  });

test("it runs without the repository, waits for the outputs, and ends on SIGTERM", async () => {
  const socket = path.join(directory, "s");
  const child = spawn(
    process.execPath,
    [
      path.join(directory, "centre/lib/centre/main.js"),
      ...["--stack", "dev", "--outputs", path.join(directory, "outputs.json")],
      ...["--state-directory", path.join(directory, "state"), "--socket", socket, "--name", "centre.test"],
    ],
    { cwd: directory, env: { HOME: directory, PANTHEROS_FLEET: path.resolve("sandbox/nix/fleet.toml") } },
  );
  let printed = "";
  child.stderr.on("data", (part) => {
    printed += part;
  });
  const ended = once(child, "exit");
  await Promise.race([
    ended,
    new Promise<void>((ready) => {
      child.stderr.on("data", () => printed.includes("listens: proxy") && ready());
    }),
  ]);
  expect(printed).toBe("The control centre listens: proxy.\n");
  expect(await statusOf(socket, "other.test", "/")).toBe(421);
  expect(await statusOf(socket, "centre.test", "/")).toBe(401);
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  expect(existsSync(socket)).toBe(false);
});

test("what was in the directory before is removed", () => {
  const program = path.join(directory, "centre/lib/centre");
  writeFileSync(path.join(program, "old.js"), "");
  writeBundle();
  expect(readdirSync(program)).not.toContain("old.js");
});
