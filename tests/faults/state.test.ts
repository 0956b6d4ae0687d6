import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { BucketState, SmallProgram } from "./bucket-state.ts";
import { ADOPTED_ONLY } from "./fleet.ts";
import { type Finished, World } from "./world.ts";

// What docs/state.md says of a state in a bucket: what a person reads, and what helps.

jest.setTimeout(20 * 60_000);

let world: World;
beforeAll(async () => {
  world = await World.make("sandbox");
  await world.startVendors();
});
afterAll(() => world?.remove());

function succeed(run: Finished): string {
  if (run.code !== 0) throw new Error(run.output);
  return run.output;
}

function expectFailure({ code, output }: Finished, message: RegExp): void {
  expect([code === 0, output]).toEqual([false, expect.stringMatching(message)]);
}

describe("a small program", () => {
  const SECRET = "planted-secret-of-the-state";
  const LOCKED =
    /^error: the stack is currently locked by 1 lock\(s\)[\s\S]*s3:\/\/small-state\/\.pulumi\/locks\/[\s\S]*created by \S+ \(pid \d+\) at \d{4}-/m;
  let state: BucketState;
  let program: SmallProgram;

  beforeAll(async () => {
    state = await BucketState.make(world, "small", "small-state");
    program = new SmallProgram(world, "small");
    await state.init(program.directory);
    program.write("echo one", SECRET);
    succeed(await program.up());
  });

  test("no object of the bucket has a secret in plain text", async () => {
    const keys = await state.keys();
    expect(keys).toContain(state.key);
    for (const key of keys) expect(await state.read(key)).not.toContain(SECRET);
    expect(await state.read()).toContain('"ciphertext"');
  });

  test("two runs at once: the second is refused and changes nothing; after a SIGKILL the lock stays until cancel", async () => {
    const [begun, go] = [world.file("begun"), world.file("go")];
    const hold = `touch ${begun}; while [ ! -e ${go} ]; do sleep 0.1; done; echo two`;
    program.write(hold, SECRET);
    const first = await program.startUp(begun);
    const ended = once(first, "exit");
    const before = await state.read();
    expectFailure(await program.up(), LOCKED);
    expect(await state.read()).toBe(before);
    // A preview takes no lock.
    succeed(await program.pulumi("preview"));

    process.kill(first.pid ?? 0, "SIGKILL");
    await ended;
    writeFileSync(go, "");
    expectFailure(await program.up(), LOCKED);
    expect((await state.keys()).filter((key) => key.includes("/locks/"))).toHaveLength(1);
    succeed(await program.pulumi("cancel", "--yes"));
    expect((await state.keys()).filter((key) => key.includes("/locks/"))).toEqual([]);
    expect(succeed(await program.up())).toMatch(/first, interrupted while updating/);
    expect(succeed(await program.pulumi("preview", "--expect-no-changes"))).not.toMatch(/interrupted/);
  });

  test("a truncated state: nothing is changed, and the version before it is restored", async () => {
    const whole = await state.read();
    const version = await state.version();
    await state.write(whole.slice(0, whole.length / 2));
    const message = /error: failed to load checkpoint: .*unexpected end of JSON input/;
    expectFailure(await program.pulumi("preview"), message);
    expectFailure(await program.up(), message);
    expectFailure(await program.pulumi("stack", "export"), message);
    await state.restore(version);
    expect(await state.read()).toBe(whole);
    succeed(await program.pulumi("preview", "--expect-no-changes"));
  });

  test("a state whose resources are in a wrong order: state repair corrects it", async () => {
    const broken = JSON.parse(await state.read()) as { checkpoint: { latest: { resources: unknown[] } } };
    const { resources } = broken.checkpoint.latest;
    resources.splice(1, 0, resources.pop());
    await state.write(JSON.stringify(broken));
    const passphrase = world.env["PULUMI_CONFIG_PASSPHRASE"] ?? "";
    expect(passphrase).not.toBe("");
    for (const words of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const ran = await program.pulumi(...words);
      expectFailure(ran, /snapshot integrity error[\s\S]*`pulumi state repair`/);
      // The report asks to be copied into an issue.
      expect(ran.output).not.toContain(passphrase);
    }
    expect(succeed(await program.pulumi("state", "repair", "--yes"))).toContain(
      "State repaired successfully",
    );
    succeed(await program.pulumi("preview", "--expect-no-changes"));
  });

  test("a lost passphrase: no run begins, and outputs and an export can still be read", async () => {
    const passphrase = world.env["PULUMI_CONFIG_PASSPHRASE"];
    const before = await state.read();
    try {
      world.env["PULUMI_CONFIG_PASSPHRASE"] = "another";
      expectFailure(await program.up(), /error: .*incorrect passphrase/);
      delete world.env["PULUMI_CONFIG_PASSPHRASE"];
      expectFailure(
        await program.pulumi("preview", "--non-interactive"),
        /error: .*passphrase must be set with PULUMI_CONFIG_PASSPHRASE/,
      );
      expect(JSON.parse(succeed(await program.pulumi("stack", "output", "--json")))).toEqual({
        hidden: "[secret]",
        word: "two",
      });
      const exported = succeed(await program.pulumi("stack", "export"));
      expect(exported).toContain('"ciphertext"');
      expect(exported).not.toContain(SECRET);
    } finally {
      world.env["PULUMI_CONFIG_PASSPHRASE"] = passphrase;
    }
    expect(await state.read()).toBe(before);
    succeed(await program.pulumi("preview", "--expect-no-changes"));
  });
});

const MEDIA = `
[buckets.media]
environment = "ENVIRONMENT"
purpose = "media"
name = "faults-media"
`;

test("an older version of the fleet's state: recover adopts what was made since, and up makes nothing twice", async () => {
  const state = await BucketState.make(world, "faults", "fleet-state");
  await state.init(world.file("project"));
  await world.write(ADOPTED_ONLY);
  succeed(await world.up());
  const older = await state.version();
  await world.write(ADOPTED_ONLY + MEDIA);
  succeed(await world.up());

  await state.restore(older);
  expect(await state.read()).not.toContain("faults-media");
  // The bucket's name is taken, and the run says what helps.
  expectFailure(await world.up(), /tools\/pantheros recover/);
  expect(succeed(await world.recover())).toContain("buckets-media");
  expect(succeed(await world.up())).not.toMatch(/^ \+ .*aws:s3:Bucket /m);
  succeed(await world.pulumi(["preview", "--expect-no-changes"]));
  expect(await state.read()).toContain("faults-media");
});
