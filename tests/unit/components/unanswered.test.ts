import { OpenRegistrations } from "../../../components/unanswered.ts";

const RECORD = "cloudflare:index/dnsRecord:DnsRecord";

test("records that get no answer for minutes, when nothing else is open, are named", () => {
  let now = 0;
  const registrations = new OpenRegistrations(() => now);
  const [record, former, deploy] = [{}, {}, {}];
  registrations.add(record, RECORD, "zone-old");
  registrations.add(former, "pantheros:dns:FormerRecord", "zone-old-former");
  registrations.add(deploy, "command:local:Command", "web-deploy");
  // It waits for the outputs, which wait for the records.
  registrations.add({}, "command:local:Command", "verdict");
  now += 3_600_000;
  // A deploy may take an hour.
  expect(registrations.unanswered).toEqual([]);
  registrations.answered(deploy);
  now += 60_000;
  expect(registrations.unanswered).toEqual([]);
  now += 180_000;
  expect(registrations.unanswered).toEqual(["zone-old", "zone-old-former"]);
  registrations.answered(former);
  expect(registrations.unanswered).toEqual([]);
  now += 180_000;
  expect(registrations.unanswered).toEqual(["zone-old"]);
});

test("a run without open registrations is never ended", () => {
  let now = 0;
  const registrations = new OpenRegistrations(() => now);
  const stack = {};
  registrations.add(stack, "pulumi:pulumi:Stack", "pantheros-production");
  registrations.answered(stack);
  now += 3_600_000;
  expect(registrations.unanswered).toEqual([]);
});
