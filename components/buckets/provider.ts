import { Provider } from "@pulumi/aws/provider.js";
import type * as pulumi from "@pulumi/pulumi";

/** Where an S3-compatible store is. */
export interface StoreLocation {
  /** Region in the vendor's spelling, such as `eu-central-003`. */
  readonly region: string;
  /** URL without the bucket; B2's own for the region by default. */
  readonly endpoint?: string | undefined;
}

/** URL of a store. Source: Backblaze, "Call the S3-compatible API": `https://s3.<region>.backblazeb2.com`. */
export const endpointOf = ({ region, endpoint }: StoreLocation): string =>
  endpoint ?? `https://s3.${region}.backblazeb2.com`;

/**
 * The AWS provider for a store that is not Amazon's. Credentials come only from AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY, so that they are not in the state.
 *
 * No account id: B2 has no STS, and with an id the provider reads tags through an API that B2 lacks. No
 * default tags: B2 has none. For B2 also set AWS_REQUEST_CHECKSUM_CALCULATION and AWS_RESPONSE_CHECKSUM_VALIDATION to `when_required`.
 */
export function storeProvider(name: string, location: StoreLocation, opts: pulumi.ResourceOptions): Provider {
  return new Provider(
    name,
    {
      region: location.region,
      endpoints: [{ s3: endpointOf(location) }],
      s3UsePathStyle: true,
      skipCredentialsValidation: true,
      skipMetadataApiCheck: true,
      skipRegionValidation: true,
      skipRequestingAccountId: true,
    },
    opts,
  );
}
