import { change, generous, Rehearsal, shown, windows } from "./rehearsal.ts";

jest.setTimeout(generous);

const fleet = new Rehearsal("drift");

/** Path of db's system from before the converged one. */
let older = "";

beforeAll(async () => {
  await fleet.raise(windows(5, 5));
  older = await fleet.running("db");
  fleet.break(change("db", "db, newer"));
  expect(shown(await fleet.up())).toMatchObject({ code: 0 });
});
afterAll(() => fleet.lower());

const repaired = async (wanted: string) => {
  expect(shown(await fleet.up())).toMatchObject({ code: 0 });
  expect(await fleet.running("db")).toBe(wanted);
  expect((await fleet.inside("db", "readlink -f /boot/pantheros-default")).output.trim()).toBe(wanted);
  await fleet.expectConfirmed();
  expect(await fleet.changes()).toEqual([]);
};

const preview = () => fleet.pulumi("preview", "--color", "never");

for (const action of ["switch", "test"]) {
  test(`somebody switched the host by hand (${action}): the next preview shows the drift, the next up repairs it, the one after that shows no change`, async () => {
    const wanted = await fleet.running("db");
    expect(wanted).not.toBe(older);
    expect(await fleet.inside("db", `${older}/bin/switch-to-configuration ${action}`)).toMatchObject({
      code: 0,
    });
    expect(await fleet.running("db")).toBe(older);

    const shownDrift = await preview();
    expect(shownDrift.output).toMatch(/db: .*\(drift\)/);
    expect(await fleet.wouldChange()).toEqual(["db"]);
    await repaired(wanted);
  });
}

test("somebody made another system the boot default: the next preview shows the drift, the next up repairs it", async () => {
  const wanted = await fleet.running("db");
  expect(await fleet.inside("db", `${older}/bin/switch-to-configuration boot`)).toMatchObject({ code: 0 });
  expect(await fleet.running("db")).toBe(wanted);

  expect((await preview()).output).toMatch(/db: it would boot another system \(drift\)/);
  expect(await fleet.wouldChange()).toEqual(["db"]);
  await repaired(wanted);
});

test("somebody rebooted into an older generation: the next preview shows the drift, the next up repairs it, the one after that shows no change", async () => {
  const wanted = await fleet.running("db");
  expect(await fleet.inside("db", `ln -sfn ${older} /boot/pantheros-default`)).toMatchObject({ code: 0 });
  expect(await fleet.cli("machine", "reboot", "db")).toMatchObject({ code: 0 });
  await fleet.serves("db", "database.service");
  expect(await fleet.running("db")).toBe(older);

  expect((await preview()).output).toMatch(/db: .*\(drift\)/);
  expect(await fleet.wouldChange()).toEqual(["db"]);
  await repaired(wanted);
});
