/** The parts of a request that the rules need. */
export interface S3Request {
  method: string;
  bucket: string;
  key: string;
  query: URLSearchParams;
  headers: Record<string, string | undefined>;
}

/** Parses a request; the bucket is the first part of the path (path style). */
export function describeRequest(
  method: string,
  target: string,
  headers: Record<string, string | undefined>,
): S3Request {
  const at = target.indexOf("?");
  const path = decodeURIComponent(at < 0 ? target : target.slice(0, at));
  const [, bucket = "", ...key] = path.split("/");
  return {
    method,
    bucket,
    key: key.join("/"),
    query: new URLSearchParams(at < 0 ? "" : target.slice(at + 1)),
    headers,
  };
}

/** A refusal in S3's XML error form. */
export interface Refusal {
  status: number;
  code: string;
  message: string;
}

/** Sub-resources that B2 does not have. Source: B2's list of supported S3 calls; answered 501 NotImplemented. */
const MISSING = [
  "accelerate",
  "analytics",
  "intelligent-tiering",
  "inventory",
  "logging",
  "metrics",
  "notification",
  "ownershipControls",
  "policy",
  "policyStatus",
  "publicAccessBlock",
  "replication",
  "requestPayment",
  "restore",
  "select",
  "tagging",
  "torrent",
  "website",
];

/** Headers of features that B2 does not have. */
const MISSING_HEADERS = [
  "x-amz-tagging",
  "x-amz-website-redirect-location",
  "x-amz-request-payer",
  "x-amz-server-side-encryption-aws-kms-key-id",
  "x-amz-server-side-encryption-context",
  "x-amz-object-ownership",
  "x-amz-grant-read",
  "x-amz-grant-write",
  "x-amz-grant-full-control",
  "x-amz-grant-read-acp",
  "x-amz-grant-write-acp",
];

const CANNED_ACLS = ["private", "public-read"];

const notImplemented = (what: string): Refusal => ({
  status: 501,
  code: "NotImplemented",
  message: `${what} is not implemented by this service.`,
});

const invalidArgument = (message: string): Refusal => ({ status: 400, code: "InvalidArgument", message });

/** The checksum header of an object. Bucket configuration may have one: every recent SDK sends it. */
function checksumHeader(request: S3Request): string | undefined {
  if (request.key === "") return undefined;
  const names = Object.keys(request.headers).filter((name) => request.headers[name] !== undefined);
  return names.find(
    (name) =>
      /^x-amz-checksum-/.test(name) || name === "x-amz-sdk-checksum-algorithm" || name === "x-amz-trailer",
  );
}

/**
 * B2's refusal of a request that AWS accepts; undefined when B2 accepts it too. Whether B2 still refuses
 * checksum headers on objects is not documented, hence the parameter.
 */
export function refusal(request: S3Request, checksums: "refuse" | "accept"): Refusal | undefined {
  const missing = MISSING.find((name) => request.query.has(name));
  if (missing !== undefined) return notImplemented(`The ${missing} sub-resource`);
  const header = MISSING_HEADERS.find((name) => request.headers[name] !== undefined);
  if (header !== undefined)
    return invalidArgument(`Unsupported header '${header}' received for this API call.`);
  const checksum = checksums === "refuse" ? checksumHeader(request) : undefined;
  if (checksum !== undefined)
    return invalidArgument(`Unsupported header '${checksum}' received for this API call.`);
  const encryption = request.headers["x-amz-server-side-encryption"];
  if (encryption !== undefined && encryption !== "AES256") {
    return invalidArgument(`Unsupported value '${encryption}' for header 'x-amz-server-side-encryption'.`);
  }
  const acl = request.headers["x-amz-acl"];
  if (acl !== undefined && !CANNED_ACLS.includes(acl))
    return invalidArgument(`Unsupported canned ACL '${acl}'.`);
  if (request.query.has("acl") && request.method === "PUT" && acl === undefined) {
    return notImplemented("An access control policy in XML");
  }
  return undefined;
}

/** Rules about the XML body of a bucket's configuration. */
export function bodyRefusal(request: S3Request, body: string): Refusal | undefined {
  if (request.query.has("versioning") && !/<Status>\s*Enabled\s*<\/Status>/.test(body)) {
    return invalidArgument("Versioning of a bucket cannot be suspended.");
  }
  if (request.query.has("encryption") && !/<SSEAlgorithm>\s*AES256\s*<\/SSEAlgorithm>/.test(body)) {
    return invalidArgument("Only the AES256 algorithm is supported.");
  }
  return undefined;
}

/** Bucket names of B2: 6 to 63 letters, digits and hyphens, not beginning with `b2-`. */
export function bucketNameRefusal(name: string): Refusal | undefined {
  if (/^[a-z0-9][a-z0-9-]{4,61}[a-z0-9]$/.test(name) && !name.startsWith("b2-")) return undefined;
  return { status: 400, code: "InvalidBucketName", message: "The specified bucket is not valid." };
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

export const errorXml = ({ code, message }: Refusal): string =>
  `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Error>\n    <Code>${code}</Code>\n    <Message>${message.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)}</Message>\n</Error>\n`;
