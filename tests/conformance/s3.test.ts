import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectVersionsCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketReplicationCommand,
  PutBucketRequestPaymentCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { Vendors } from "./vendors.ts";

jest.setTimeout(180_000);

describe("the S3 API of Backblaze B2", () => {
  let vendors: Vendors;
  let client: S3Client;
  const Bucket = "conformance-bucket";

  const connect = (
    options: {
      accessKeyId?: string;
      secretAccessKey?: string;
      checksums?: "WHEN_REQUIRED" | "WHEN_SUPPORTED";
      region?: string;
    } = {},
  ) =>
    new S3Client({
      endpoint: vendors.url("s3"),
      region: options.region ?? "eu-central-003",
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: {
        accessKeyId: options.accessKeyId ?? vendors.secret("AWS_ACCESS_KEY_ID"),
        secretAccessKey: options.secretAccessKey ?? vendors.secret("AWS_SECRET_ACCESS_KEY"),
      },
      requestChecksumCalculation: options.checksums ?? "WHEN_REQUIRED",
      responseChecksumValidation: options.checksums ?? "WHEN_REQUIRED",
    });

  const refusal = async (request: Promise<unknown>) => {
    const error = await request.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof S3ServiceException)) throw new Error(`not refused: ${error}`);
    return [error.$metadata.httpStatusCode, error.name];
  };
  const read = async (Key: string, VersionId?: string) => {
    const { Body } = await client.send(
      new GetObjectCommand({ Bucket, Key, ...(VersionId && { VersionId }) }),
    );
    return Body?.transformToString();
  };

  beforeAll(async () => {
    vendors = await Vendors.start("s3");
    client = connect();
    await client.send(new CreateBucketCommand({ Bucket, ACL: "private" }));
  });
  afterAll(() => vendors.stop());

  test("accepts requests that are signed with the account's key", async () => {
    await client.send(new HeadBucketCommand({ Bucket }));
    const stranger = connect({ accessKeyId: "0030000000000000000000001" });
    expect(await refusal(stranger.send(new GetBucketVersioningCommand({ Bucket })))).toEqual([
      403,
      "InvalidAccessKeyId",
    ]);
    const forger = connect({ secretAccessKey: "wrong" });
    expect(await refusal(forger.send(new GetBucketVersioningCommand({ Bucket })))).toEqual([
      403,
      "SignatureDoesNotMatch",
    ]);
    // The region with which rclone and others sign by default.
    const elsewhere = connect({ region: "us-east-1" });
    expect(await refusal(elsewhere.send(new GetBucketVersioningCommand({ Bucket })))).toEqual([
      403,
      "SignatureDoesNotMatch",
    ]);
    expect((await fetch(`${vendors.url("s3")}/${Bucket}/secret.txt`)).status).toBe(403);
  });

  test("buckets are versioned and accept the configuration of B2", async () => {
    expect((await client.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe("Enabled");
    const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const } }];
    await client.send(
      new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }),
    );
    const encryption = await client.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(encryption.ServerSideEncryptionConfiguration?.Rules?.[0]).toMatchObject(Rules[0] ?? {});
    const rule = {
      ID: "old",
      Status: "Enabled" as const,
      Filter: { Prefix: "" },
      NoncurrentVersionExpiration: { NoncurrentDays: 7 },
    };
    await client.send(
      new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }),
    );
    const lifecycle = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(lifecycle.Rules?.[0]).toMatchObject({ NoncurrentVersionExpiration: { NoncurrentDays: 7 } });
    expect(lifecycle.TransitionDefaultMinimumObjectSize).toBeUndefined();
    const CORSRules = [{ AllowedMethods: ["GET"], AllowedOrigins: ["https://example.test"] }];
    await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
    const lock = {
      ObjectLockEnabled: "Enabled" as const,
      Rule: { DefaultRetention: { Mode: "GOVERNANCE" as const, Days: 1 } },
    };
    const locked = { Bucket: "locked-bucket", ObjectLockConfiguration: lock };
    expect(await refusal(client.send(new PutObjectLockConfigurationCommand({ ...locked, Bucket })))).toEqual([
      409,
      "InvalidBucketState",
    ]);
    await client.send(new CreateBucketCommand({ Bucket: locked.Bucket, ObjectLockEnabledForBucket: true }));
    await client.send(new PutObjectLockConfigurationCommand(locked));
    await client.send(new PutBucketAclCommand({ Bucket, ACL: "private" }));
  });

  test("refuses what B2 lacks", async () => {
    const Tagging = { TagSet: [{ Key: "a", Value: "b" }] };
    const refused: Promise<unknown>[] = [
      client.send(new PutBucketTaggingCommand({ Bucket, Tagging })),
      client.send(new GetBucketTaggingCommand({ Bucket })),
      client.send(new PutBucketPolicyCommand({ Bucket, Policy: "{}" })),
      client.send(
        new PutPublicAccessBlockCommand({
          Bucket,
          PublicAccessBlockConfiguration: { BlockPublicAcls: true },
        }),
      ),
      client.send(
        new PutBucketOwnershipControlsCommand({
          Bucket,
          OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
        }),
      ),
      client.send(
        new PutBucketWebsiteCommand({
          Bucket,
          WebsiteConfiguration: { IndexDocument: { Suffix: "index.html" } },
        }),
      ),
      client.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration: {} })),
      client.send(
        new PutBucketReplicationCommand({ Bucket, ReplicationConfiguration: { Role: "r", Rules: [] } }),
      ),
      client.send(
        new PutBucketRequestPaymentCommand({ Bucket, RequestPaymentConfiguration: { Payer: "Requester" } }),
      ),
    ];
    for (const request of refused) expect(await refusal(request)).toEqual([501, "NotImplemented"]);
    const kms = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms" as const } }] };
    const invalid: Promise<unknown>[] = [
      client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: kms })),
      client.send(
        new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Suspended" } }),
      ),
      client.send(new PutBucketAclCommand({ Bucket, ACL: "public-read-write" })),
      client.send(new PutObjectCommand({ Bucket, Key: "x", Body: "x", Tagging: "a=b" })),
      client.send(new PutObjectCommand({ Bucket, Key: "x", Body: "x", ServerSideEncryption: "aws:kms" })),
      connect({ checksums: "WHEN_SUPPORTED" }).send(new PutObjectCommand({ Bucket, Key: "x", Body: "x" })),
    ];
    for (const request of invalid) expect(await refusal(request)).toEqual([400, "InvalidArgument"]);
    expect(await refusal(client.send(new CreateBucketCommand({ Bucket: "b2-reserved" })))).toEqual([
      400,
      "InvalidBucketName",
    ]);
    expect(await refusal(client.send(new CreateBucketCommand({ Bucket })))).toEqual([
      409,
      expect.stringMatching(/^BucketAlready/),
    ]);
  });

  test("a kill loses nothing: configuration, objects, versions, unfinished uploads", async () => {
    const put = (Key: string, Body: string) =>
      client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: "text/plain" }));
    const first = await put("dir/a b+ü.txt", "one");
    const second = await put("dir/a b+ü.txt", "two");
    await put("gone.txt", "gone");
    await client.send(new DeleteObjectCommand({ Bucket, Key: "gone.txt" }));
    await client.send(new CreateBucketCommand({ Bucket: "short-lived" }));
    await client.send(new DeleteBucketCommand({ Bucket: "short-lived" }));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: "parts" }));
    const upload = { Bucket, Key: "parts", UploadId };
    const chunk = "x".repeat(5 * 1024 * 1024);
    const one = await client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: chunk }));

    await vendors.end("SIGKILL");
    await vendors.launch();

    expect(await read("dir/a b+ü.txt")).toBe("two");
    expect(await read("dir/a b+ü.txt", first.VersionId)).toBe("one");
    expect(second.VersionId).not.toBe(first.VersionId);
    expect(await refusal(client.send(new GetObjectCommand({ Bucket, Key: "gone.txt" })))).toEqual([
      404,
      "NoSuchKey",
    ]);
    const versions = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: "gone.txt" }));
    expect([versions.Versions?.length, versions.DeleteMarkers?.length]).toEqual([1, 1]);
    const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(Rules).toHaveLength(1);
    const two = await client.send(new UploadPartCommand({ ...upload, PartNumber: 2, Body: "end" }));
    const Parts = [one, two].map(({ ETag }, index) => ({ ETag, PartNumber: index + 1 }));
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));

    await vendors.end("SIGKILL");
    await vendors.launch();
    expect(await read("parts")).toBe(`${chunk}end`);
  });

  test("a public bucket can be read without a key, and not written", async () => {
    await client.send(new CreateBucketCommand({ Bucket: "public-bucket", ACL: "public-read" }));
    await client.send(new PutObjectCommand({ Bucket: "public-bucket", Key: "hello", Body: "world" }));
    const at = `${vendors.url("s3")}/public-bucket/hello`;
    expect(await (await fetch(at)).text()).toBe("world");
    expect((await fetch(at, { method: "DELETE" })).status).toBe(403);
  });
});
