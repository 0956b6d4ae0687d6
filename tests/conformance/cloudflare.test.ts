import Cloudflare from "cloudflare";
import { run, Vendors } from "./vendors.ts";

jest.setTimeout(120_000);

describe("the Cloudflare API and the DNS behind it", () => {
  let vendors: Vendors;
  let client: Cloudflare;
  let zone_id: string;

  beforeAll(async () => {
    vendors = await Vendors.start("dns,cloudflare");
    client = connect(vendors.secret("CLOUDFLARE_API_TOKEN"));
    const page = await client.zones.list({ name: "example.test" });
    zone_id = page.result[0]?.id ?? "";
  });
  afterAll(() => vendors.stop());

  const connect = (apiToken: string) =>
    new Cloudflare({ apiToken, baseURL: `${vendors.url("cloudflare")}/client/v4`, maxRetries: 0 });

  const dig = async (name: string, type: string): Promise<string[]> => {
    const { stdout } = await run([
      "dig",
      "+short",
      "+time=2",
      "@127.0.0.1",
      "-p",
      String(vendors.ports["dns"]),
      name,
      type,
    ]);
    return stdout.trim().split("\n").sort();
  };

  const refusal = async (request: Promise<unknown>) => {
    const error = await request.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof Cloudflare.APIError)) throw new Error(`not refused: ${error}`);
    return { status: error.status, codes: error.errors.map(({ code }) => code) };
  };

  test("accepts its token and finds its zone", async () => {
    expect(await refusal(connect("wrong".repeat(8)).zones.list())).toEqual({ status: 403, codes: [10000] });
    const zone = await client.zones.get({ zone_id });
    expect(zone).toMatchObject({ name: "example.test", status: "active", paused: false });
    expect(await refusal(client.zones.get({ zone_id: "0".repeat(32) }))).toMatchObject({ status: 404 });
  });

  test("a record is answered with its full name and is in the DNS", async () => {
    const record = await client.dns.records.create({
      zone_id,
      type: "A",
      name: "Web",
      content: "203.0.113.10",
      ttl: 60,
    });
    expect(record).toMatchObject({
      name: "web.example.test",
      proxiable: true,
      proxied: false,
      ttl: 60,
      comment: null,
      tags: [],
    });
    expect(await dig("web.example.test", "A")).toEqual(["203.0.113.10"]);

    const path = { zone_id };
    await client.dns.records.update(record.id, {
      ...path,
      type: "A",
      name: "web.example.test",
      content: "203.0.113.11",
      ttl: 120,
    });
    expect(await dig("web.example.test", "A")).toEqual(["203.0.113.11"]);

    await client.dns.records.delete(record.id, path);
    expect(await dig("web.example.test", "A")).toEqual([""]);
    expect(await refusal(client.dns.records.get(record.id, path))).toEqual({ status: 404, codes: [81044] });
  });

  test("a proxied record has the edge's address and an automatic TTL", async () => {
    const record = await client.dns.records.create({
      zone_id,
      type: "A",
      name: "shop",
      content: "203.0.113.12",
      proxied: true,
      ttl: 300,
    });
    expect(record).toMatchObject({ proxied: true, ttl: 1 });
    expect(await dig("shop.example.test", "A")).toEqual(["198.51.100.80"]);
    const text = client.dns.records.create({
      zone_id,
      type: "TXT",
      name: "shop",
      content: "x",
      proxied: true,
      ttl: 1,
    } as never);
    expect(await refusal(text)).toEqual({ status: 400, codes: [9004] });
  });

  test("types with data have computed content", async () => {
    const base = { zone_id, ttl: 60 };
    const caa = await client.dns.records.create({
      ...base,
      type: "CAA",
      name: "@",
      data: { flags: 0, tag: "issue", value: "letsencrypt.org" },
    });
    expect(caa).toMatchObject({
      name: "example.test",
      content: '0 issue "letsencrypt.org"',
      data: { flags: 0, tag: "issue" },
    });
    const fingerprint = "a".repeat(64);
    await client.dns.records.create({
      ...base,
      type: "SSHFP",
      name: "key",
      data: { algorithm: 4, type: 2, fingerprint },
    });
    await client.dns.records.create({
      ...base,
      type: "SRV",
      name: "_x._tcp",
      data: { priority: 10, weight: 5, port: 5060, target: "sip.example.test" },
    });
    await client.dns.records.create({
      ...base,
      type: "MX",
      name: "@",
      content: "mail.example.test",
      priority: 10,
    });
    const long = `v=DKIM1; p=${"k".repeat(300)}`;
    await client.dns.records.create({ ...base, type: "TXT", name: "dkim", content: long });
    expect(await dig("example.test", "CAA")).toEqual(['0 issue "letsencrypt.org"']);
    expect((await dig("key.example.test", "SSHFP"))[0]?.replaceAll(" ", "").toLowerCase()).toBe(
      `42${fingerprint}`,
    );
    expect(await dig("_x._tcp.example.test", "SRV")).toEqual(["10 5 5060 sip.example.test."]);
    expect(await dig("example.test", "MX")).toEqual(["10 mail.example.test."]);
    expect((await dig("dkim.example.test", "TXT"))[0]?.replaceAll(/" "|"/g, "")).toBe(long);
    const bad = client.dns.records.create({
      ...base,
      type: "CAA",
      name: "@",
      data: { flags: 300, tag: "issue", value: "x" },
    });
    expect((await refusal(bad)).status).toBe(400);
  });

  test("conflicting records are refused with the vendor's codes", async () => {
    const a = { zone_id, type: "A", name: "one", content: "203.0.113.20", ttl: 60 } as const;
    await client.dns.records.create(a);
    expect(await refusal(client.dns.records.create(a))).toEqual({ status: 400, codes: [81058] });
    expect(await refusal(client.dns.records.create({ ...a, ttl: 120 }))).toEqual({
      status: 400,
      codes: [81057],
    });
    const cname = { zone_id, type: "CNAME", content: "web.example.test", ttl: 60 } as const;
    expect(await refusal(client.dns.records.create({ ...cname, name: "one" }))).toEqual({
      status: 400,
      codes: [81053],
    });
    await client.dns.records.create({ ...cname, name: "alias" });
    expect(await refusal(client.dns.records.create({ ...a, name: "alias" }))).toEqual({
      status: 400,
      codes: [81054],
    });
    expect(await refusal(client.dns.records.create({ ...a, name: "two", content: "::1" }))).toEqual({
      status: 400,
      codes: [9005],
    });
    expect(await refusal(client.dns.records.create({ ...a, name: "two", ttl: 5 }))).toEqual({
      status: 400,
      codes: [9021],
    });
  });

  test("lists are filtered and paginated", async () => {
    for (let number = 0; number < 5; number++) {
      await client.dns.records.create({
        zone_id,
        type: "A",
        name: `page${number}`,
        content: "203.0.113.40",
        ttl: 60,
      });
    }
    const names: string[] = [];
    for await (const record of client.dns.records.list({
      zone_id,
      name: { startswith: "page" },
      per_page: 2,
    }))
      names.push(record.name);
    expect(names).toEqual([0, 1, 2, 3, 4].map((number) => `page${number}.example.test`));
    const exact = await client.dns.records.list({
      zone_id,
      name: { exact: "page3.example.test" },
      type: "A",
    });
    expect(exact.result).toHaveLength(1);
    expect(exact.result_info).toMatchObject({ page: 1, count: 1, total_count: 1, total_pages: 1 });
    expect((await client.dns.records.list({ zone_id, type: "AAAA" })).result).toEqual([]);
  });

  test("after a kill the records still exist and the DNS answers", async () => {
    await client.dns.records.create({
      zone_id,
      type: "AAAA",
      name: "kept",
      content: "2001:DB8:0::1",
      ttl: 60,
    });
    await vendors.end("SIGKILL");
    await vendors.launch();
    const { result } = await client.dns.records.list({ zone_id, name: { exact: "kept.example.test" } });
    expect(result[0]).toMatchObject({ content: "2001:db8::1" });
    expect(await dig("kept.example.test", "AAAA")).toEqual(["2001:db8::1"]);
  });
});
