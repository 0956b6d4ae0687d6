export interface BucketSpec {
  /** Key in the inventory. */
  readonly key: string;
  /** Name at the vendor, unique over all its customers. */
  readonly name: string;
  /** Purpose in the inventory. Only the data of a `cache` can be recreated. */
  readonly purpose: string;
  /** Anybody may read its objects. False by default. */
  readonly publicRead?: boolean;
  /** Days that a hidden or replaced version is kept. Without a rule B2 keeps every version. */
  readonly noncurrentDays: number;
  /** Days after which a current object is hidden; undefined: never. */
  readonly expireDays?: number | undefined;
}

/** Days after which an upload that was never completed is dropped. */
const ABORT_DAYS = 7;

/** A rule in the form of the bucket's own `lifecycleRules`. */
export interface LifecycleRule {
  readonly id: string;
  readonly enabled: true;
  readonly noncurrentVersionExpiration: { readonly days: number };
  readonly abortIncompleteMultipartUploadDays: number;
  readonly expiration?: { readonly days: number };
}

/**
 * Lifecycle of a bucket, within what B2's S3 API supports: hide (Expiration), delete
 * (NoncurrentVersionExpiration), cancel (AbortIncompleteMultipartUpload); one rule for the whole bucket,
 * no transitions, no tags.
 * Source: Backblaze, "S3 Put Bucket Lifecycle Configuration".
 */
export const lifecycleOf = (bucket: BucketSpec): LifecycleRule => ({
  id: "retention",
  enabled: true,
  noncurrentVersionExpiration: { days: bucket.noncurrentDays },
  abortIncompleteMultipartUploadDays: ABORT_DAYS,
  ...(bucket.expireDays !== undefined && { expiration: { days: bucket.expireDays } }),
});

/** Whether losing the bucket loses data. */
export const holdsData = (purpose: string): boolean => purpose !== "cache";

/**
 * Problems of the buckets' names and days, with the key and what is allowed.
 * Source: Backblaze, "Create and manage buckets": 6 to 63 letters, digits and dashes, not beginning with
 * `b2-`; also lower case and without dots, so that every S3 client can address them.
 */
export function bucketProblems(buckets: readonly BucketSpec[]): string[] {
  return buckets.flatMap(({ key, name, noncurrentDays, expireDays }) => {
    const problems: string[] = [];
    if (!/^[a-z0-9][a-z0-9-]{4,61}[a-z0-9]$/.test(name)) {
      problems.push(
        `buckets.${key}.name: "${name}" is not 6 to 63 lower-case letters, digits and inner dashes`,
      );
    }
    if (name.startsWith("b2-"))
      problems.push(`buckets.${key}.name: "${name}" begins with "b2-", which B2 reserves`);
    if (buckets.some((other) => other.key < key && other.name === name)) {
      problems.push(`buckets.${key}.name: "${name}" is also the name of another bucket`);
    }
    for (const [field, days] of Object.entries({
      noncurrent_days: noncurrentDays,
      expire_days: expireDays ?? 1,
    })) {
      if (!Number.isInteger(days) || days < 1)
        problems.push(`buckets.${key}.${field}: ${days} is not a whole number of days from 1`);
    }
    return problems;
  });
}
