/** Rights of the application key, and the one call of B2's own API that tells them. */
import type { Rights } from "../rights.ts";
import { isCreation } from "./buckets.ts";
import type { Refusal, S3Request } from "./rules.ts";
import type { Credentials } from "./signature.ts";

/** Source: backblaze.com/apidocs/b2-authorize-account, version 3. */
export const AUTHORIZE_PATH = "/b2api/v3/b2_authorize_account";

/** Of a key as docs/real-account.md describes it. */
const CAPABILITIES = [
  ...[
    "deleteBuckets",
    "deleteFiles",
    "listAllBucketNames",
    "listBuckets",
    "listFiles",
    "readBucketEncryption",
  ],
  ...["readBuckets", "readFiles", "writeBucketEncryption", "writeBuckets", "writeFiles"],
];

const capabilitiesOf = ({ capabilities = CAPABILITIES }: Rights["s3"]) => capabilities;

/** The answer to a key with Basic authorization. */
export function authorize(
  header: string | undefined,
  { keyId, secret, region }: Credentials,
  rights: Rights["s3"],
): { readonly status: number; readonly body: object } {
  const basic = /^Basic (.+)$/.exec(header ?? "")?.[1] ?? "";
  if (Buffer.from(basic, "base64").toString() !== `${keyId}:${secret}`)
    return { status: 401, body: { status: 401, code: "unauthorized", message: "" } };
  const storageApi = {
    apiUrl: "https://api003.backblazeb2.test",
    s3ApiUrl: `https://s3.${region}.backblazeb2.com`,
    capabilities: capabilitiesOf(rights),
    bucketId: rights.bucket === undefined ? null : "0000000000000000",
    bucketName: rights.bucket ?? null,
    namePrefix: null,
  };
  return { status: 200, body: { accountId: keyId.slice(3, 15), apiInfo: { storageApi } } };
}

/**
 * The capability that a request needs. Deleting by name hides a file, which is a write; deleting a version destroys it.
 * Source: backblaze.com/docs/cloud-storage-s3-compatible-app-keys.
 */
function neededCapability({ method, key, query }: S3Request): string {
  if (method === "POST" && query.has("delete")) return "writeFiles";
  if (key !== "")
    return method === "DELETE"
      ? query.has("versionId")
        ? "deleteFiles"
        : "writeFiles"
      : method === "PUT" || method === "POST"
        ? "writeFiles"
        : "readFiles";
  if (query.has("encryption")) return method === "GET" ? "readBucketEncryption" : "writeBucketEncryption";
  if (method === "PUT") return "writeBuckets";
  if (method === "DELETE") return "deleteBuckets";
  if (query.has("list-type") || query.has("versions") || query.has("prefix")) return "listFiles";
  return "listBuckets";
}

/** The refusal of what the key may not do, and of names that another customer has. */
export function rightsRefusal(request: S3Request, rights: Rights["s3"]): Refusal | undefined {
  const denied = (message: string): Refusal => ({ status: 403, code: "AccessDenied", message });
  const { bucket, taken = [] } = rights;
  if (taken.includes(request.bucket)) {
    return isCreation(request)
      ? { status: 409, code: "BucketAlreadyExists", message: "The requested bucket name is not available." }
      : denied("not entitled");
  }
  if (bucket !== undefined && request.bucket !== bucket) return denied("not entitled");
  const needed = neededCapability(request);
  return capabilitiesOf(rights).includes(needed) ? undefined : denied("not entitled");
}
