import { Bucket } from "@pulumi/aws/s3/bucket.js";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration.js";
import * as pulumi from "@pulumi/pulumi";
import { type BucketSpec, bucketProblems, holdsData, lifecycleOf } from "./lifecycle.ts";
import { endpointOf, type StoreLocation, storeProvider } from "./provider.ts";

/** The buckets of one stack. */
export interface BucketsArgs extends StoreLocation {
  readonly buckets: readonly BucketSpec[];
  /** Pulumi refuses to delete them; for production. False by default. */
  readonly protect?: boolean;
  /**
   * The buckets are deleted with their objects. Otherwise a bucket with data that is removed from the
   * stack stays at the vendor, forgotten by Pulumi. False by default; for sandboxes.
   */
  readonly disposable?: boolean;
}

/** How to reach one bucket. */
export interface BucketLocation {
  readonly name: pulumi.Output<string>;
  readonly endpoint: string;
  readonly region: string;
}

/**
 * Encrypted buckets, private by default, at Backblaze B2 through its S3 API.
 *
 * What B2 lacks is not used: tags, public access blocks, policies (buckets are private by default), a
 * versioning resource (B2 always keeps versions). The lifecycle is in the bucket's own arguments, which
 * are deprecated, because the separate resource waits three minutes for a header that only Amazon sends,
 * and fails.
 */
export class Buckets extends pulumi.ComponentResource {
  /** Key in the inventory -> location. */
  readonly buckets: Readonly<Record<string, BucketLocation>>;

  constructor(name: string, args: BucketsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:storage:Buckets", name, {}, opts);
    const problems = bucketProblems(args.buckets);
    if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));
    const provider = storeProvider(`${name}-store`, args, { parent: this });
    this.buckets = Object.fromEntries(
      args.buckets.map((spec) => [spec.key, this.#bucket(name, spec, args, provider)]),
    );
    this.registerOutputs({ buckets: this.buckets });
  }

  #bucket(
    name: string,
    spec: BucketSpec,
    args: BucketsArgs,
    provider: pulumi.ProviderResource,
  ): BucketLocation {
    const disposable = args.disposable ?? false;
    const opts = { parent: this, provider, retainOnDelete: holdsData(spec.purpose) && !disposable };
    const bucket = new Bucket(
      `${name}-${spec.key}`,
      {
        bucket: spec.name,
        forceDestroy: disposable,
        lifecycleRules: [lifecycleOf(spec)],
        // Always set: the provider reads an absent ACL as "unchanged", and a public bucket would stay public.
        // B2 has only these two canned ACLs (Backblaze, "S3 Put Bucket ACL").
        acl: spec.publicRead ? "public-read" : "private",
      },
      { ...opts, protect: args.protect ?? false, deleteBeforeReplace: true },
    );
    new BucketServerSideEncryptionConfiguration(
      `${name}-${spec.key}-encryption`,
      {
        bucket: bucket.bucket,
        // SSE-B2; B2 has no KMS keys.
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
      },
      // Retained together with its bucket, so that a bucket that stays at the vendor stays encrypted.
      { ...opts, deleteBeforeReplace: true },
    );
    return { name: bucket.bucket, endpoint: endpointOf(args), region: args.region };
  }
}
