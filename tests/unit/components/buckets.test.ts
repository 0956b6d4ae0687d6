import { Buckets, type BucketsArgs } from "../../../components/buckets/buckets.ts";
import { type BucketSpec, bucketProblems, lifecycleOf } from "../../../components/buckets/lifecycle.ts";
import { bucketsArgs } from "../../../components/buckets/mapping.ts";
import { endpointOf } from "../../../components/buckets/provider.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import { record, resolved } from "../mocks.ts";

const cache: BucketSpec = { key: "cache", name: "fleet-nix-cache", purpose: "cache", noncurrentDays: 1 };
const dumps: BucketSpec = {
  key: "dumps",
  name: "fleet-dumps",
  purpose: "postgres",
  noncurrentDays: 7,
  expireDays: 30,
};
const args: BucketsArgs = { region: "eu-central-003", buckets: [cache, dumps] };

const bucketType = "aws:s3/bucket:Bucket";
const encryptionType =
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";

test("the provider uses B2's endpoint and has no credentials", async () => {
  const { recording } = await record(() => new Buckets("buckets", args));
  const provider = recording.named("buckets-store");
  const inputs = Object.fromEntries(
    Object.entries(provider.inputs).map(([key, value]) => [
      key,
      typeof value === "string" && value[0] !== "e" ? JSON.parse(value) : value,
    ]),
  );
  expect(inputs).toEqual({
    region: "eu-central-003",
    endpoints: [{ s3: "https://s3.eu-central-003.backblazeb2.com" }],
    s3UsePathStyle: true,
    skipCredentialsValidation: true,
    skipMetadataApiCheck: true,
    skipRegionValidation: true,
    skipRequestingAccountId: true,
  });
  for (const each of [...recording.ofType(bucketType), ...recording.ofType(encryptionType)]) {
    expect(each.provider).toContain(provider.urn);
    expect(each.parent).toBe(recording.named("buckets").urn);
  }
});

test("buckets use only features of B2, and are encrypted", async () => {
  const { recording, result } = await record(() => new Buckets("buckets", args));
  expect(recording.named("buckets-dumps").inputs).toEqual({
    bucket: "fleet-dumps",
    acl: "private",
    forceDestroy: false,
    lifecycleRules: [
      {
        id: "retention",
        enabled: true,
        expiration: { days: 30 },
        noncurrentVersionExpiration: { days: 7 },
        abortIncompleteMultipartUploadDays: 7,
      },
    ],
  });
  expect(recording.named("buckets-dumps-encryption").inputs).toEqual({
    bucket: "fleet-dumps",
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
  });
  const types = new Set(recording.registrations.map(({ type }) => type));
  expect([...types].sort()).toEqual(
    [bucketType, encryptionType, "pantheros:storage:Buckets", "pulumi:providers:aws"].sort(),
  );
  expect(await resolved(result.buckets["cache"]?.name as never)).toBe("fleet-nix-cache");
  expect(result.buckets["cache"]).toMatchObject({ region: "eu-central-003", endpoint: endpointOf(args) });
});

test.each([
  { disposable: false, protect: false, retained: [false, true], force: false },
  { disposable: false, protect: true, retained: [false, true], force: false },
  { disposable: true, protect: false, retained: [false, false], force: true },
])("data stays unless the word is given: %j", async ({ disposable, protect, retained, force }) => {
  const { recording } = await record(() => new Buckets("buckets", { ...args, disposable, protect }));
  const both = ["buckets-cache", "buckets-dumps"].map((name) => recording.named(name));
  expect(both.map(({ retainOnDelete }) => retainOnDelete)).toEqual(retained);
  expect(both.map((each) => each.protect)).toEqual([protect, protect]);
  expect(both.map(({ inputs }) => inputs["forceDestroy"])).toEqual([force, force]);
  expect(recording.named("buckets-dumps-encryption").retainOnDelete).toBe(retained[1]);
});

test("without an age limit no object expires", () => {
  expect(lifecycleOf(cache)).not.toHaveProperty("expiration");
});

test.each<[string, Partial<BucketSpec>, string]>([
  ["short", { name: "abcde" }, "6 to 63"],
  ["capitals", { name: "Fleet-Cache" }, "lower-case"],
  ["dots", { name: "fleet.cache" }, "lower-case"],
  ["outer dash", { name: "fleet-cache-" }, "inner dashes"],
  ["long", { name: "a".repeat(64) }, "6 to 63"],
  ["reserved", { name: "b2-fleet-cache" }, 'begins with "b2-"'],
  ["half a day", { noncurrentDays: 0.5 }, "buckets.cache.noncurrent_days: 0.5"],
  ["no day", { expireDays: 0 }, "buckets.cache.expire_days: 0"],
])("a bad bucket is refused before any resource: %s", async (_, more, message) => {
  const bad = { ...cache, ...more };
  expect(bucketProblems([bad])).toEqual([expect.stringContaining(message)]);
  const { recording } = await record(() => {
    expect(() => new Buckets("buckets", { ...args, buckets: [bad] })).toThrow(message);
  });
  expect(recording.ofType(bucketType)).toEqual([]);
});

test("two buckets with one name are refused", () => {
  expect(bucketProblems([cache, { ...dumps, name: cache.name }])).toEqual([
    'buckets.dumps.name: "fleet-nix-cache" is also the name of another bucket',
  ]);
});

test("the inventories' buckets are valid; only the sandbox's are disposable", () => {
  for (const [file, environment] of [
    ["nix/fleet.toml", "production"],
    ["nix/fleet.toml", "staging"],
    ["nix/fleet.toml", "homelab"],
    ["sandbox/nix/fleet.toml", "sandbox"],
  ] as const) {
    const mapped = bucketsArgs(planFor(loadInventory(file), environment), undefined);
    expect(mapped?.buckets.length).toBeGreaterThan(0);
    expect(bucketProblems(mapped?.buckets ?? [])).toEqual([]);
    expect(mapped?.disposable).toBe(environment === "sandbox");
    expect(mapped?.protect).toBe(environment === "production");
  }
});
