import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Buckets } from "../../../sandbox/vendors/s3/buckets.ts";
import { compact, type Entry, Journal, readLines } from "../../../sandbox/vendors/s3/journal.ts";
import { rightsRefusal } from "../../../sandbox/vendors/s3/keys.ts";
import {
  bodyRefusal,
  bucketNameRefusal,
  describeRequest,
  errorXml,
  refusal,
} from "../../../sandbox/vendors/s3/rules.ts";
import { signatureRefusal } from "../../../sandbox/vendors/s3/signature.ts";

const ask = (method: string, target: string, headers: Record<string, string> = {}) =>
  refusal(describeRequest(method, target, headers), "refuse")?.code;

test.each([
  ["PUT", "/bucket?tagging", {}, "NotImplemented"],
  ["GET", "/bucket?policy", {}, "NotImplemented"],
  ["PUT", "/bucket?publicAccessBlock", {}, "NotImplemented"],
  ["PUT", "/bucket/key?tagging=", {}, "NotImplemented"],
  ["PUT", "/bucket?acl", {}, "NotImplemented"],
  ["PUT", "/bucket?acl", { "x-amz-acl": "public-read" }, undefined],
  ["PUT", "/bucket?acl", { "x-amz-acl": "authenticated-read" }, "InvalidArgument"],
  ["PUT", "/bucket/key", { "x-amz-tagging": "a=b" }, "InvalidArgument"],
  ["PUT", "/bucket/key", { "x-amz-server-side-encryption": "aws:kms" }, "InvalidArgument"],
  ["PUT", "/bucket/key", { "x-amz-server-side-encryption": "AES256" }, undefined],
  ["PUT", "/bucket/key", { "x-amz-checksum-crc32": "AAAAAA==" }, "InvalidArgument"],
  ["PUT", "/bucket/key", { "x-amz-sdk-checksum-algorithm": "CRC32" }, "InvalidArgument"],
  ["GET", "/bucket/key", { "x-amz-checksum-mode": "ENABLED" }, "InvalidArgument"],
  ["PUT", "/bucket?lifecycle", { "x-amz-sdk-checksum-algorithm": "CRC32" }, undefined],
  ["PUT", "/bucket?cors", {}, undefined],
  ["PUT", "/bucket?encryption", {}, undefined],
  ["PUT", "/bucket?object-lock", {}, undefined],
  ["PUT", "/policy/website", {}, undefined],
])("%s %s %p: %s", (method, target, headers, expected) => {
  expect(ask(method, target, headers)).toBe(expected);
});

test("checksums on objects are accepted with that option", () => {
  const request = describeRequest("PUT", "/bucket/key", { "x-amz-checksum-crc32": "AAAAAA==" });
  expect(refusal(request, "accept")).toBeUndefined();
});

test("bodies with unsupported settings are refused", () => {
  const versioning = describeRequest("PUT", "/bucket?versioning", {});
  expect(bodyRefusal(versioning, "<Status>Suspended</Status>")?.code).toBe("InvalidArgument");
  expect(bodyRefusal(versioning, "<Status>Enabled</Status>")).toBeUndefined();
  const encryption = describeRequest("PUT", "/bucket?encryption", {});
  expect(bodyRefusal(encryption, "<SSEAlgorithm>aws:kms</SSEAlgorithm>")?.code).toBe("InvalidArgument");
});

test("bucket names, errors and paths", () => {
  expect([
    bucketNameRefusal("fleet-backups"),
    bucketNameRefusal("short"),
    bucketNameRefusal("b2-mine"),
  ]).toMatchObject([undefined, { code: "InvalidBucketName" }, { code: "InvalidBucketName" }]);
  expect(errorXml({ status: 400, code: "InvalidArgument", message: "<'&\">" })).toContain(
    "&lt;&apos;&amp;&quot;&gt;",
  );
  expect(describeRequest("GET", "/bucket/a%20b/c?versionId=1", {})).toMatchObject({
    bucket: "bucket",
    key: "a b/c",
  });
});

test.each([
  ["DELETE", "/bucket/key", undefined],
  ["DELETE", "/bucket/key?versionId=1", "AccessDenied"],
  ["POST", "/bucket?delete", undefined],
  ["GET", "/bucket/key", undefined],
  ["PUT", "/bucket", "AccessDenied"],
])("a key that cannot delete: %s %s: %s", (method, target, expected) => {
  const rights = { capabilities: ["listBuckets", "listFiles", "readFiles", "writeFiles"] };
  expect(rightsRefusal(describeRequest(method, target, {}), rights)?.code).toBe(expected);
});

test("object lock needs a bucket that was created with it, public reads a public ACL", () => {
  const entry = (target: string, headers: Record<string, string>, method = "PUT"): Entry => ({
    n: 1,
    method,
    target,
    headers,
    hasBody: false,
  });
  const buckets = new Buckets([
    entry("/locked", { "x-amz-bucket-object-lock-enabled": "true" }),
    entry("/open", { "x-amz-acl": "public-read" }),
    entry("/shut", { "x-amz-acl": "public-read" }),
    entry("/shut?acl", { "x-amz-acl": "private" }),
    entry("/gone", { "x-amz-acl": "public-read" }),
    entry("/gone", {}, "DELETE"),
  ]);
  const lock = (bucket: string) =>
    buckets.lockRefusal(describeRequest("PUT", `/${bucket}?object-lock`, {}))?.code;
  expect([lock("locked"), lock("open")]).toEqual([undefined, "InvalidBucketState"]);
  expect(["open", "shut", "gone"].map((bucket) => buckets.isPublic(bucket))).toEqual([true, false, false]);
});

describe("signatures", () => {
  // AWS, "Examples of signature calculations": GET object with a range, and a presigned GET.
  const credentials = {
    keyId: "AKIAIOSFODNN7EXAMPLE",
    secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    region: "us-east-1",
  };
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const signed = {
    method: "GET",
    target: "/test.txt",
    headers: {
      host: "examplebucket.s3.amazonaws.com",
      range: "bytes=0-9",
      "x-amz-content-sha256": empty,
      "x-amz-date": "20130524T000000Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    },
  };
  const presigned = {
    method: "GET",
    target:
      "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    headers: { host: "examplebucket.s3.amazonaws.com" },
  };

  test("AWS's examples are accepted, and changed ones refused", () => {
    expect(signatureRefusal(signed, credentials)).toBeUndefined();
    expect(signatureRefusal(presigned, credentials)).toBeUndefined();
    expect(signatureRefusal({ ...signed, target: "/other.txt" }, credentials)?.code).toBe(
      "SignatureDoesNotMatch",
    );
    expect(signatureRefusal({ ...presigned, method: "PUT" }, credentials)?.code).toBe(
      "SignatureDoesNotMatch",
    );
    expect(signatureRefusal(signed, { ...credentials, keyId: "other" })?.code).toBe("InvalidAccessKeyId");
    expect(signatureRefusal(signed, { ...credentials, region: "eu-central-003" })).toMatchObject({
      code: "SignatureDoesNotMatch",
      message: expect.stringContaining("signed for"),
    });
  });
});

describe("the journal", () => {
  const entry = (n: number, method: string, target: string, hasBody = false): Entry => ({
    n,
    method,
    target,
    headers: {},
    hasBody,
  });

  test("drops the entries of a deleted bucket, and keeps those of a new one of its name", () => {
    const entries = [
      entry(1, "PUT", "/a"),
      entry(2, "PUT", "/b"),
      entry(3, "PUT", "/a/key", true),
      entry(4, "DELETE", "/a/key?versionId=1"),
      entry(5, "DELETE", "/a/"),
      entry(6, "PUT", "/a"),
      entry(7, "DELETE", "/b?lifecycle"),
    ];
    expect(compact(entries).map(({ n }) => n)).toEqual([2, 6, 7]);
  });

  test("drops a line that a crash cut off, and bodies without an entry", () => {
    expect(readLines(`${JSON.stringify(entry(1, "PUT", "/a"))}\n{"n":2,"met`)).toHaveLength(1);
    const dir = mkdtempSync(join(tmpdir(), "journal-"));
    const first = new Journal(dir);
    const [kept, lost] = [first.reserve(), first.reserve()];
    writeFileSync(first.bodyPath(kept), "kept");
    writeFileSync(first.bodyPath(lost), "lost");
    first.append(entry(kept, "PUT", "/a/key", true));
    first.close();
    const second = new Journal(dir);
    expect(second.entries.map(({ n }) => n)).toEqual([kept]);
    expect(readdirSync(join(dir, "bodies"))).toEqual([String(kept)]);
    expect(second.reserve()).toBe(kept + 1);
    second.close();
    rmSync(dir, { recursive: true });
  });
});
