import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Hono } from "hono";
import { aws } from "../../../sandbox/plugins/aws/plugin.ts";
import { lifecycleForm } from "../../../sandbox/plugins/aws/rules.ts";
import { Store } from "../../../sandbox/plugins/aws/store.ts";
import { Session, vendor } from "./session.ts";

const BUCKET = "aws:s3/bucket:Bucket";
/** Bucket -> part ("lifecycle", "encryption") -> XML as it was put. */
const buckets = new Map<string, Map<string, string>>();
/** Paths `BUCKET/KEY`. */
const objects = new Set<string>();
const PARTS = ["lifecycle", "encryption"];
const MISSING: Record<string, string> = {
  lifecycle: "NoSuchLifecycleConfiguration",
  encryption: "ServerSideEncryptionConfigurationNotFoundError",
};

const xml = (body: string, status = 200) =>
  new Response(body, { status, headers: { "content-type": "application/xml" } });
const refusal = (status: number, code: string, message: string) =>
  xml(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`, status);

/** The calls of S3 that the plugin uses. */
function store(): Hono {
  const app = new Hono({ strict: false });
  app.all("/:bucket", async (context) => {
    const name = context.req.param("bucket");
    const method = context.req.method;
    const found = buckets.get(name);
    const part = PARTS.find((one) => context.req.query(one) !== undefined);
    if (context.req.query("acl") !== undefined) {
      found?.set("acl", context.req.header("x-amz-acl") ?? "");
      return new Response(null);
    }
    if (method === "PUT" && part === undefined) {
      if (found) return refusal(409, "BucketAlreadyOwnedByYou", "it is yours already");
      buckets.set(name, new Map());
      return new Response(null);
    }
    if (!found) return refusal(404, "NoSuchBucket", "no such bucket");
    if (part !== undefined) {
      if (name === "no-encryption" && part === "encryption")
        return refusal(501, "NotImplemented", "not here");
      if (method === "PUT") found.set(part, await context.req.text());
      if (method === "DELETE") found.delete(part);
      if (method !== "GET") return new Response(null, { status: method === "DELETE" ? 204 : 200 });
      const kept = found.get(part);
      return kept === undefined ? refusal(404, MISSING[part] ?? "", "never set") : xml(kept);
    }
    if (context.req.query("versions") !== undefined) {
      const keys = [...objects.keys()]
        .filter((path) => path.startsWith(`${name}/`))
        .map((path) => path.slice(name.length + 1));
      const versions = keys
        .map((key) => `<Version><Key>${key}</Key><VersionId>1</VersionId></Version>`)
        .join("");
      return xml(`<ListVersionsResult><Name>${name}</Name>${versions}</ListVersionsResult>`);
    }
    if (method === "POST") {
      for (const [, key] of (await context.req.text()).matchAll(/<Key>([^<]*)<\/Key>/g))
        objects.delete(`${name}/${key}`);
      return xml("<DeleteResult></DeleteResult>");
    }
    if (method === "DELETE") {
      const full = [...objects.keys()].some((path) => path.startsWith(`${name}/`));
      if (full) return refusal(409, "BucketNotEmpty", "the bucket is not empty");
      buckets.delete(name);
    }
    return new Response(null, { status: method === "DELETE" ? 204 : 200 });
  });
  return app;
}

let session: Session<Store>;
let close: () => Promise<void>;

beforeAll(async () => {
  const server = await vendor(store());
  close = server.close;
  session = new Session(aws, {
    region: "eu-central-003",
    accessKey: "key",
    secretKey: "secret",
    endpoints: JSON.stringify([{ s3: server.url }]),
    s3UsePathStyle: "true",
    skipRequestingAccountId: "true",
  });
});
afterAll(() => close());

const RULE = {
  id: "retention",
  enabled: true,
  noncurrentVersionExpiration: { days: 30 },
  abortIncompleteMultipartUploadDays: 7,
};

test("an absent ACL and absent rules are no change; a given ACL is set", async () => {
  const args = { bucket: "pantheros-open", acl: "public-read", lifecycleRules: [RULE] };
  const bucket = await session.create(BUCKET, "open", args);
  expect(session.diff(bucket, { bucket: "pantheros-open" })).toEqual([]);
  expect(session.diff(bucket, { ...args, lifecycleRules: [] })).toEqual([]);
  const closed = await session.update(bucket, { ...args, acl: "private" });
  expect(buckets.get("pantheros-open")?.get("acl")).toBe("private");
  await session.delete(closed);
});

test("a bucket with inline rules is created, read back, changed, emptied and deleted", async () => {
  const args = {
    bucket: "pantheros-cache",
    forceDestroy: true,
    lifecycleRules: [RULE],
    serverSideEncryptionConfiguration: {
      rule: { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } },
    },
  };
  const bucket = await session.create(BUCKET, "cache", args);
  expect(bucket).toMatchObject({
    id: "pantheros-cache",
    outputs: { arn: "arn:aws:s3:::pantheros-cache", bucketRegion: "eu-central-003" },
  });
  expect(buckets.get("pantheros-cache")?.get("lifecycle")).toContain("<NoncurrentDays>30</NoncurrentDays>");
  expect((await session.refresh(bucket))?.inputs).toEqual(bucket.inputs);
  const longer = await session.update(bucket, {
    ...args,
    lifecycleRules: [{ ...RULE, noncurrentVersionExpiration: { days: 60 } }],
  });
  expect((await session.refresh(longer))?.inputs["lifecycleRules"]).toEqual([
    { ...RULE, noncurrentVersionExpiration: { days: 60 } },
  ]);
  buckets.get("pantheros-cache")?.delete("encryption");
  const drifted = await session.refresh(longer);
  expect(drifted && session.diff(drifted, args)).toEqual([
    "lifecycleRules",
    "serverSideEncryptionConfiguration",
  ]);
  objects.add("pantheros-cache/nar/one");
  await session.delete(longer);
  expect([buckets.has("pantheros-cache"), objects.size]).toEqual([false, 0]);
  expect(await session.refresh(longer)).toBeUndefined();
});

test("a bucket with objects is deleted only with forceDestroy", async () => {
  const bucket = await session.create(BUCKET, "dumps", { bucket: "pantheros-dumps" });
  objects.add("pantheros-dumps/one");
  await expect(session.delete(bucket)).rejects.toThrow("DeleteBucket pantheros-dumps: 409 BucketNotEmpty");
  objects.clear();
  await session.delete(bucket);
});

test("a bucket whose rules were refused stays in the state, with the reason", async () => {
  const serverSideEncryptionConfiguration = {
    rule: { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } },
  };
  const making = session.create(BUCKET, "half", {
    bucket: "no-encryption",
    serverSideEncryptionConfiguration,
  });
  await expect(making).rejects.toMatchObject({ name: "Incomplete", id: "no-encryption" });
  await expect(making).rejects.toThrow("PutBucketEncryption no-encryption: 501 NotImplemented");
});

test("encryption as a separate resource", async () => {
  const bucket = await session.create(BUCKET, "own", { bucket: "pantheros-own" });
  const rules = [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }];
  const type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
  const encryption = await session.create(type, "sse", { bucket: bucket.id, rules });
  expect((await session.refresh(encryption))?.inputs).toEqual(encryption.inputs);
  await session.delete(encryption);
  expect(await session.refresh(encryption)).toBeUndefined();
  await session.delete(bucket);
});

test("the order of rules and empty parts have no meaning", () => {
  const other = { id: "other", enabled: false, prefix: "tmp/", expiration: { days: 1 } };
  expect(lifecycleForm([RULE, other])).toEqual(lifecycleForm([{ ...other }, { ...RULE, prefix: "" }]));
  expect(lifecycleForm([RULE])).not.toEqual(lifecycleForm([{ ...RULE, enabled: false }]));
});

test("a store that never answers is an error with a remedy", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
  const { port } = silent.address() as AddressInfo;
  const store = new Store({
    region: "r",
    endpoint: `http://127.0.0.1:${port}`,
    pathStyle: true,
    accessKeyId: "id",
    secretAccessKey: "secret",
    attemptTimeout: 100,
  });
  const asking = store.call("HeadBucket", "b", (client, sdk) =>
    client.send(new sdk.HeadBucketCommand({ Bucket: "b" })),
  );
  await expect(asking).rejects.toThrow(/^HeadBucket b: .*100 ms.*; run the same command again/);
  silent.closeAllConnections();
  silent.close();
});
