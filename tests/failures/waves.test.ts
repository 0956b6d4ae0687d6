import { all, change, expectTold, fault, generous, Rehearsal, windows, withSpare } from "./rehearsal.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("waves");

/** Canaries web and legacy, then db, then the spare machine. */
const inWaves = (text: string): string =>
  text.replace("[hosts.db]", "[hosts.db]\nwave = 2").replace("[hosts.spare]", "[hosts.spare]\nwave = 3");

beforeAll(() => fleet.raise(all(windows(5, 5), withSpare, inWaves)));
afterAll(() => fleet.lower());
beforeEach(() => fleet.converged());

const later = ["db", "spare"] as const;

test("3 waves, canary fails: later waves untouched and reported as held; same-wave hosts finish", async () => {
  const web = await fleet.moment("web");
  const before = await Promise.all(later.map((host) => fleet.moment(host)));
  const history = "cat /var/lib/pantheros/last /var/lib/pantheros/record";
  const told = await Promise.all(later.map((host) => fleet.inside(host, history)));
  fleet.break(
    all(
      fault("web", 'activation = "fail"'),
      change("legacy", "legacy, same wave"),
      ...later.map((host) => change(host, `${host}, later wave`)),
    ),
  );

  expectTold(
    await fleet.up(),
    "web: rolled-back at activate",
    /switch-to-configuration/,
    /db: held: waits for web \(rolled-back\); not touched/,
    /spare: held: waits for db \(held\); not touched/,
  );

  await fleet.expectBack("web", web);
  await fleet.expectConfirmed("web", ...later);
  const { hosts } = await fleet.outputs();
  for (const [i, host] of later.entries()) {
    expect(hosts[host]).toMatchObject({ outcome: "held", closure: before[i]?.running });
    expect(await fleet.moment(host)).toEqual(before[i]);
    expect(await fleet.inside(host, history)).toEqual(told[i]);
  }
  expect(await fleet.wouldChange()).toEqual(["db", "spare", "web"]);
  await fleet.mend();
});

test("3 waves, the second fails: the first is confirmed, the third is held", async () => {
  const db = await fleet.moment("db");
  const spare = await fleet.moment("spare");
  fleet.break(
    all(change("web", "web, canary"), fault("db", 'unit = "fail"'), change("spare", "spare, last wave")),
  );

  expectTold(await fleet.up(), "db: rolled-back at activate", /broken\.service/, /spare: held: waits for db/);

  await fleet.expectBack("db", db);
  await fleet.expectConfirmed("db", "spare");
  expect((await fleet.outputs()).hosts["spare"]).toMatchObject({ outcome: "held", closure: spare.running });
  expect(await fleet.moment("spare")).toEqual(spare);
  await fleet.mend();
});
