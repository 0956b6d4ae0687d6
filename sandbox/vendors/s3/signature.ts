import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Refusal } from "./rules.ts";

/** The signed parts of a request. */
interface SignedRequest {
  method: string;
  /** Path and query exactly as in the request line. */
  target: string;
  headers: Record<string, string | undefined>;
}

export interface Credentials {
  keyId: string;
  secret: string;
  /** The region of the account's endpoint; requests signed for a different one are refused. */
  region: string;
}

interface Claim {
  keyId: string;
  /** `date/region/service/aws4_request`. */
  scope: string;
  signedHeaders: string[];
  signature: string;
  date: string;
  payload: string;
  presigned: boolean;
}

const hmac = (key: Buffer | string, data: string) => createHmac("sha256", key).update(data).digest();

/** Encodes everything but unreserved characters, as SigV4 requires. */
const encode = (text: string) =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const splitTarget = (target: string) => {
  const at = target.indexOf("?");
  return at < 0 ? { path: target, query: "" } : { path: target.slice(0, at), query: target.slice(at + 1) };
};

/** The claim in the Authorization header or in a presigned URL; undefined for an anonymous request. */
export function readClaim(request: SignedRequest): Claim | undefined {
  const header = request.headers.authorization;
  const query = new URLSearchParams(splitTarget(request.target).query);
  const claim = (credential: string, rest: Omit<Claim, "keyId" | "scope">): Claim => {
    const at = credential.indexOf("/");
    return { keyId: credential.slice(0, at), scope: credential.slice(at + 1), ...rest };
  };
  if (header !== undefined) {
    const field = (name: string) => new RegExp(`${name}=([^,\\s]+)`).exec(header)?.[1] ?? "";
    return claim(field("Credential"), {
      signedHeaders: field("SignedHeaders").split(";"),
      signature: field("Signature"),
      date: request.headers["x-amz-date"] ?? "",
      payload: request.headers["x-amz-content-sha256"] ?? "UNSIGNED-PAYLOAD",
      presigned: false,
    });
  }
  if (!query.has("X-Amz-Signature")) return undefined;
  return claim(query.get("X-Amz-Credential") ?? "", {
    signedHeaders: (query.get("X-Amz-SignedHeaders") ?? "").split(";"),
    signature: query.get("X-Amz-Signature") ?? "",
    date: query.get("X-Amz-Date") ?? "",
    payload: "UNSIGNED-PAYLOAD",
    presigned: true,
  });
}

function canonicalRequest(request: SignedRequest, claim: Claim): string {
  const { path, query } = splitTarget(request.target);
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", value = ""] = pair
        .split("=", 2)
        .map((part) => decodeURIComponent(part.replaceAll("+", " ")));
      return [encode(name), encode(value)] as const;
    })
    .filter(([name]) => !(claim.presigned && name === "X-Amz-Signature"))
    .sort((a, b) => (a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] < b[0] ? -1 : 1));
  return [
    request.method,
    path,
    pairs.map(([name, value]) => `${name}=${value}`).join("&"),
    ...claim.signedHeaders.map(
      (name) => `${name}:${(request.headers[name] ?? "").trim().replaceAll(/\s+/g, " ")}`,
    ),
    "",
    claim.signedHeaders.join(";"),
    claim.payload,
  ].join("\n");
}

/** The correct signature (version 4) of a request. Source: AWS, "Signature Version 4 signing process". */
function expectedSignature(request: SignedRequest, claim: Claim, secret: string): string {
  const [day = "", region = "", service = ""] = claim.scope.split("/");
  const hashed = createHash("sha256").update(canonicalRequest(request, claim)).digest("hex");
  const toSign = ["AWS4-HMAC-SHA256", claim.date, claim.scope, hashed].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<Buffer | string>(
    (each, part) => hmac(each, part),
    `AWS4${secret}`,
  );
  return hmac(key, toSign).toString("hex");
}

/** Undefined when the signature is valid, or the request is anonymous, which the caller checks. */
export function signatureRefusal(request: SignedRequest, credentials: Credentials): Refusal | undefined {
  const claim = readClaim(request);
  if (claim === undefined) return undefined;
  if (claim.keyId !== credentials.keyId) {
    return { status: 403, code: "InvalidAccessKeyId", message: `The key '${claim.keyId}' is not valid` };
  }
  // B2 has one region per account, and its name is signed (Backblaze, "S3-Compatible API"). B2's message for
  // a different region is not documented.
  const region = claim.scope.split("/")[1];
  if (region !== credentials.region) {
    return {
      status: 403,
      code: "SignatureDoesNotMatch",
      message: `Signature validation failed: signed for '${region}', this is '${credentials.region}'`,
    };
  }
  const wanted = Buffer.from(expectedSignature(request, claim, credentials.secret));
  const given = Buffer.from(claim.signature);
  if (wanted.length === given.length && timingSafeEqual(wanted, given)) return undefined;
  return { status: 403, code: "SignatureDoesNotMatch", message: "Signature validation failed" };
}
