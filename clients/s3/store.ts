/** An S3-compatible object store. Source: Amazon S3 API Reference; Backblaze, "S3-Compatible API". */
import {
  DeleteObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { messageOf } from "../../lib/message-of.ts";
import { VendorError } from "../vendor-api.ts";

export interface StoreArgs {
  readonly endpoint: string;
  readonly region: string;
  readonly keyId: string;
  readonly secret: string;
  /** Of one request, with its repetitions. */
  readonly timeoutSeconds: number;
}

/** `own`: the key can reach it. `foreign`: it exists, and the key may not use it. */
export type BucketState = "free" | "own" | "foreign";

/** URL of B2's S3 API. Source: Backblaze, "Call the S3-compatible API". */
export const b2Endpoint = (region: string): string => `https://s3.${region}.backblazeb2.com`;

export class ObjectStore {
  readonly #client: S3Client;
  readonly #args: StoreArgs;

  constructor(args: StoreArgs) {
    this.#args = args;
    this.#client = new S3Client({
      endpoint: args.endpoint,
      region: args.region,
      credentials: { accessKeyId: args.keyId, secretAccessKey: args.secret },
      forcePathStyle: true,
      maxAttempts: 2,
      // B2 refuses the checksums of newer SDKs.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    });
  }

  async #send<T>(what: string, send: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    const { endpoint, timeoutSeconds } = this.#args;
    const abortSignal = AbortSignal.timeout(timeoutSeconds * 1000);
    try {
      return await send({ abortSignal });
    } catch (error) {
      const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
      const reason = abortSignal.aborted ? `no answer within ${timeoutSeconds} s` : messageOf(error);
      const code = error instanceof S3ServiceException ? error.name : undefined;
      throw new VendorError(`object store: ${what}: ${endpoint}: ${reason}`, {
        code,
        ...(status !== undefined && { status }),
      });
    }
  }

  /**
   * Whether a bucket exists, and whose it is.
   * @throws VendorError when the store does not answer
   */
  async bucketState(name: string): Promise<BucketState> {
    try {
      const command = new HeadBucketCommand({ Bucket: name });
      await this.#send(`HEAD ${name}`, (options) => this.#client.send(command, options));
      return "own";
    } catch (error) {
      if (error instanceof VendorError && error.status === 404) return "free";
      if (error instanceof VendorError && (error.status === 403 || error.status === 301)) return "foreign";
      throw error;
    }
  }

  /**
   * Writes an object and deletes it again.
   * @throws VendorError
   */
  async tryWriting(bucket: string, key: string): Promise<void> {
    const { VersionId } = await this.#send(`PUT ${bucket}/${key}`, (options) =>
      this.#client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: "" }), options),
    );
    // Without the version the store would only hide it.
    await this.#send(`DELETE ${bucket}/${key}`, (options) =>
      this.#client.send(
        new DeleteObjectCommand({ Bucket: bucket, Key: key, ...(VersionId && { VersionId }) }),
        options,
      ),
    );
  }

  close(): void {
    this.#client.destroy();
  }
}
