import { Hono } from "hono";
import { DnsServer } from "../../../sandbox/vendors/dns/server.ts";
import { vendor } from "../plugins/session.ts";

const answers = (name: string) => [{ name, type: "A", ttl: 60, contents: ["192.0.2.1"] }];

test("changes of different zones run one at a time, also after a failure", async () => {
  let writing = 0;
  let most = 0;
  const app = new Hono();
  app.get("*", (context) => context.json({ rrsets: [] }));
  app.patch("*", async (context) => {
    writing += 1;
    most = Math.max(most, writing);
    await new Promise((done) => setTimeout(done, 20));
    writing -= 1;
    return context.req.path.endsWith("/bad.test.") ? context.text("no", 500) : context.body(null, 204);
  });
  const { url, close } = await vendor(app);
  try {
    const dns = new DnsServer(url, "key");
    const zones = ["one.test", "bad.test", "two.test"];
    for (const zone of zones) await dns.openZone(zone, ["ns.test"]);
    const done = await Promise.allSettled(
      zones.map((zone) => dns.replaceRecords(zone, answers(`www.${zone}.`))),
    );
    expect(done.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(most).toBe(1);
    expect(await dns.replaceRecords("one.test", answers("www.one.test."))).toBe(0);
  } finally {
    await close();
  }
});
