/** Backblaze's own API, which tells what an application key may do; objects and buckets use the S3 API. */
import * as z from "zod";
import { type RequestOptions, VendorApi } from "../vendor-api.ts";

const B2_ENDPOINT = "https://api.backblazeb2.com";

/** Source: backblaze.com/docs/cloud-storage-native-api, "Errors". */
const failure = z.object({ code: z.string(), message: z.string() });

/** Source: backblaze.com/apidocs/b2-authorize-account, version 3. */
const account = z.object({
  accountId: z.string(),
  apiInfo: z.object({
    storageApi: z.object({
      capabilities: z.array(z.string()),
      /** The bucket to which the key is restricted. */
      bucketName: z.string().nullish(),
      bucketId: z.string().nullish(),
      /** URL of the S3 API in the account's region. */
      s3ApiUrl: z.string(),
    }),
  }),
});

/** An application key, as its vendor describes it. */
export interface ApplicationKey {
  readonly capabilities: readonly string[];
  /** Name or id of the only bucket that it may use; undefined: all. */
  readonly bucket: string | undefined;
  readonly s3Url: string;
  /** The account's master key, whose id is the account's. */
  readonly isMaster: boolean;
}

export interface B2Args extends RequestOptions {
  /** Backblaze's own when left out. */
  readonly endpoint?: string | undefined;
  readonly keyId: string;
  readonly key: string;
}

export class B2Api extends VendorApi {
  readonly #keyId: string;

  constructor({ endpoint = B2_ENDPOINT, keyId, key, ...options }: B2Args) {
    super({
      ...options,
      vendor: "Backblaze B2",
      endpoint,
      scheme: "Basic",
      token: () => Buffer.from(`${keyId}:${key}`).toString("base64"),
      failure,
    });
    this.#keyId = keyId;
  }

  /** What the key may do. @throws VendorError */
  async applicationKey(): Promise<ApplicationKey> {
    const { accountId, apiInfo } = await this.read(account, "GET", "/b2api/v3/b2_authorize_account");
    const { capabilities, bucketName, bucketId, s3ApiUrl } = apiInfo.storageApi;
    return {
      capabilities,
      bucket: bucketName ?? bucketId ?? undefined,
      s3Url: s3ApiUrl,
      isMaster: accountId === this.#keyId,
    };
  }
}
