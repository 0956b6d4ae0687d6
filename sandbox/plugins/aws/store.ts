/** S3 through the AWS client, which is loaded at the first call because loading takes 0.1 s. */
import type * as S3 from "@aws-sdk/client-s3";
import { RETRY_HINT, VendorError } from "../framework/http.ts";

interface Settings {
  region: string;
  endpoint?: string;
  pathStyle: boolean;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** Milliseconds that one attempt may take (default 60 000). */
  attemptTimeout?: number;
}

interface ServiceError {
  name?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number; attempts?: number };
}

/** Milliseconds that one attempt may take, as for the other vendors (../framework/http.ts). */
const ATTEMPT_MS = 60_000;

/** Codes that mean "this part was never set". */
const NOT_SET = ["NoSuchLifecycleConfiguration", "ServerSideEncryptionConfigurationNotFoundError"];

export class Store {
  readonly settings: Settings;
  #loaded: Promise<{ sdk: typeof S3; client: S3.S3Client }> | undefined;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  async #load(): Promise<{ sdk: typeof S3; client: S3.S3Client }> {
    const sdk = await import("@aws-sdk/client-s3");
    const { region, endpoint, pathStyle, accessKeyId, secretAccessKey, sessionToken } = this.settings;
    const { attemptTimeout = ATTEMPT_MS } = this.settings;
    const client = new sdk.S3Client({
      region,
      forcePathStyle: pathStyle,
      // The client has no limit of its own for a store that accepts a connection and never answers.
      requestHandler: {
        connectionTimeout: attemptTimeout,
        requestTimeout: attemptTimeout,
        // Without it the client only warns and keeps waiting (@smithy/node-http-handler).
        throwOnRequestTimeout: true,
      },
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
      ...(endpoint && { endpoint }),
    });
    return { sdk, client };
  }

  /** Sends the command that `send` builds; errors name the call, the bucket and the store's code. */
  async call<Result>(
    name: string,
    bucket: string,
    send: (client: S3.S3Client, sdk: typeof S3) => Promise<Result>,
  ): Promise<Result> {
    this.#loaded ??= this.#load();
    const { sdk, client } = await this.#loaded;
    try {
      return await send(client, sdk);
    } catch (error) {
      const { name: code = "", message = String(error), $metadata } = error as ServiceError;
      if ($metadata?.httpStatusCode === undefined)
        throw new Error(`${name} ${bucket}: ${message}${RETRY_HINT}`);
      const { httpStatusCode: status, attempts } = $metadata;
      throw new VendorError({ method: name, path: bucket, status, code, message, attempts });
    }
  }

  /** Like call; undefined when the object does not exist. */
  async find<Result>(
    name: string,
    bucket: string,
    send: (client: S3.S3Client, sdk: typeof S3) => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await this.call(name, bucket, send);
    } catch (error) {
      if (error instanceof VendorError && (error.status === 404 || NOT_SET.includes(error.code)))
        return undefined;
      throw error;
    }
  }
}
