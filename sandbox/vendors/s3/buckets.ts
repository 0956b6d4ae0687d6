import type { Entry } from "./journal.ts";
import { describeRequest, type Refusal, type S3Request } from "./rules.ts";

/** Properties of buckets that moto ignores and the filter needs, from the changes that succeeded. */
export class Buckets {
  readonly #public = new Set<string>();
  readonly #lockable = new Set<string>();

  constructor(entries: readonly Entry[]) {
    for (const { method, target, headers } of entries) this.note(describeRequest(method, target, headers));
  }

  /** Records a change that succeeded. */
  note(request: S3Request): void {
    if (request.key !== "") return;
    const creating = isCreation(request);
    if (request.method === "PUT" && (creating || request.query.has("acl"))) {
      if (request.headers["x-amz-acl"] === "public-read") this.#public.add(request.bucket);
      else this.#public.delete(request.bucket);
    }
    if (creating && request.headers["x-amz-bucket-object-lock-enabled"]?.toLowerCase() === "true") {
      this.#lockable.add(request.bucket);
    }
    if (request.method === "DELETE" && request.query.size === 0) {
      this.#public.delete(request.bucket);
      this.#lockable.delete(request.bucket);
    }
  }

  /** Whether the bucket's objects can be read without a key. */
  isPublic(bucket: string): boolean {
    return this.#public.has(bucket);
  }

  /** Object lock can be enabled only when the bucket is created. */
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
