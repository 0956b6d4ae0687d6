import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { expectSuccess, Sandbox } from "./sandbox.ts";

jest.setTimeout(15 * 60_000);

const sandbox = new Sandbox("cache");
const bucket = "sandbox-nix-cache";
const url = `http://198.51.100.1:9000/${bucket}`;
const push = `http://127.0.0.1:9002/${bucket}`;

/** Changes web's system to one that no store has. */
function changeWeb(): void {
  const seed = randomBytes(6).toString("hex");
  sandbox.editFleet((text) =>
    text.replace(
      /extra = \{ motd = "web .*\}/,
      `extra = { motd = "web of ${seed}", filler = { paths = 3, bytes = 20000, seed = "${seed}" } }`,
    ),
  );
}

/** Requests to the bucket, such as `GET /bucket/nar/… 200`; `x-id` is the S3 client's own parameter. */
const answered = (): string[] =>
  readFileSync(sandbox.file("logs", "s3.log"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^\S+ /, "").replace("?x-id=PutObject", ""));

/** The paths of a system on web that no other system has. */
async function ownPaths(closure: string): Promise<string[]> {
  const { output } = await sandbox.onMachine("web", `nix-store -qR ${closure}`);
  const paths = output.split("\n").filter((path) => /-(filler-\d+|etc-web|nixos-system-.*)$/.test(path));
  expect(paths).toHaveLength(5);
  return paths;
}

/** The bucket's answer without a key. */
const inBucket = (name: string) => sandbox.inDriver("curl", "-fsS", `${url}/${name}`);

const narinfo = (path: string) => `${path.slice("/nix/store/".length).split("-")[0]}.narinfo`;

const webRuns = async () => {
  const { hosts } = await sandbox.outputs();
  expect(hosts["web"]).toMatchObject({ outcome: "confirmed", closure: await sandbox.running("web") });
  return hosts["web"]?.closure ?? "";
};

describe("the binary cache in a bucket", () => {
  beforeAll(async () => {
    await sandbox.reset();
    sandbox.editFleet((text) =>
      text
        .replace("[cache]\n", `[cache]\nurl = "${url}"\npush = "${push}"\n`)
        .replace('purpose = "cache"\n', 'purpose = "cache"\npublic_read = true\n'),
    );
    expectSuccess(await sandbox.cli("up"));
  });

  afterAll(async () => {
    expectSuccess(await sandbox.cli("down"));
  });

  test("a closure is pushed once, and the host downloads it from the cache", async () => {
    changeWeb();
    const before = answered().length;
    const up = await sandbox.up();
    expectSuccess(up);
    expect(up.output).not.toMatch(/warning: (push|cache)/);
    const requests = answered().slice(before);
    const paths = await ownPaths(await webRuns());
    const moved = await Promise.all(
      paths.map(async (path) => {
        const info = (await inBucket(narinfo(path))).output;
        const nar = /^URL: (.*)$/m.exec(info)?.[1] ?? "";
        const times = (method: string) =>
          requests.filter((request) => request === `${method} /${bucket}/${nar} 200`).length;
        const signed = info.includes("Sig: cache-1:");
        // PUT by the runner; GET by the host, since the runner has no substituter here.
        return { path, signed, put: times("PUT"), got: times("GET") };
      }),
    );
    expect(moved).toEqual(paths.map((path) => ({ path, signed: true, put: 1, got: 1 })));
    expect(await sandbox.changes()).toEqual([]);
  });

  test("a private bucket refuses requests without a key", async () => {
    const refused = await sandbox.inDriver("curl", "-fsS", "http://198.51.100.1:9000/sandbox-backups/x");
    expect(refused).toMatchObject({ code: 22, output: expect.stringContaining("403") });
  });

  test("if the runner cannot push to the cache, the closure is copied, with a warning", async () => {
    sandbox.editFleet((text) => text.replace(push, "http://127.0.0.1:9/nobody"));
    changeWeb();
    const up = await sandbox.up();
    expectSuccess(up);
    expect(up.output).toMatch(/web: confirmed, generation \d+\n\s+warning: \| push: .*127\.0\.0\.1:9/);
    const [path = ""] = await ownPaths(await webRuns());
    expect((await inBucket(narinfo(path))).code).toBe(22);
    sandbox.editFleet((text) => text.replace("http://127.0.0.1:9/nobody", push));
  });

  test("if the host cannot reach the cache, the closure is copied, with a warning", async () => {
    const rules =
      "table inet broken { chain out { type filter hook output priority 0; tcp dport 9000 reject; }; }";
    expectSuccess(await sandbox.onMachine("web", "nft -f -", rules));
    changeWeb();
    const up = await sandbox.up();
    expectSuccess(up);
    expect(up.output).toMatch(
      /web: confirmed, generation \d+\n\s+warning: \| cache: web says: unable to download/,
    );
    await webRuns();
    expectSuccess(await sandbox.onMachine("web", "nft delete table inet broken"));
  });
});
