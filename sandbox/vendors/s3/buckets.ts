import type { Entry } from "./journal.ts";
import { describeRequest, type Refusal, type S3Request } from "./rules.ts";

/** What the filter has to know about buckets and moto does not say or does not mind; read off the changes made. */
export class Buckets {
  readonly #open = new Set<string>();
  readonly #lockable = new Set<string>();

  constructor(entries: readonly Entry[]) {
    for (const { method, target, headers } of entries) this.note(describeRequest(method, target, headers));
  }

  /** Takes in a change that succeeded. */
  note(request: S3Request): void {
    if (request.key !== "") return;
    const creating = isCreation(request);
    if (request.method === "PUT" && (creating || request.query.has("acl"))) {
      if (request.headers["x-amz-acl"] === "public-read") this.#open.add(request.bucket);
      else this.#open.delete(request.bucket);
    }
    if (creating && request.headers["x-amz-bucket-object-lock-enabled"]?.toLowerCase() === "true") {
      this.#lockable.add(request.bucket);
    }
    if (request.method === "DELETE" && request.query.size === 0) {
      this.#open.delete(request.bucket);
      this.#lockable.delete(request.bucket);
    }
  }

  /** Whether anybody may read the bucket's objects. */
  isPublic(bucket: string): boolean {
    return this.#open.has(bucket);
  }

  /** Object lock is decided when a bucket is made. */
  lockRefusal(request: S3Request): Refusal | undefined {
    if (request.method !== "PUT" || !request.query.has("object-lock") || this.#lockable.has(request.bucket))
      return undefined;
    return {
      status: 409,
      code: "InvalidBucketState",
      message: "Object Lock configuration cannot be enabled on existing buckets",
    };
  }
}

export const isCreation = (request: S3Request): boolean =>
  request.method === "PUT" && request.bucket !== "" && request.key === "" && request.query.size === 0;
