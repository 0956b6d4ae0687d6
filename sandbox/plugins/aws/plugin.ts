import { type Plugin, text } from "../framework/resource.ts";
import { objects } from "../framework/values.ts";
import { bucket, bucketEncryption } from "./bucket.ts";
import { Store } from "./store.ts";

/** Replaces @pulumi/aws 7.48.0 for the S3 resources that the program uses. */
export const aws: Plugin<Store> = {
  name: "aws",
  secretConfig: ["accessKey", "secretKey", "token"],
  jsonConfig: [
    "allowedAccountIds",
    "assumeRoles",
    "defaultTags",
    "endpoints",
    "ignoreTags",
    "insecure",
    "maxRetries",
    "s3UsePathStyle",
    "skipCredentialsValidation",
    "skipMetadataApiCheck",
    "skipRegionValidation",
    "skipRequestingAccountId",
  ],
  configure(config) {
    const accessKeyId = text(config["accessKey"]) || process.env["AWS_ACCESS_KEY_ID"];
    const secretAccessKey = text(config["secretKey"]) || process.env["AWS_SECRET_ACCESS_KEY"];
    if (!accessKeyId || !secretAccessKey) {
      throw new Error(
        "aws: no credentials; set accessKey and secretKey or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
      );
    }
    const region = text(config["region"]) || process.env["AWS_REGION"];
    if (!region) throw new Error("aws: no region; set the provider's region or AWS_REGION");
    const endpoint = objects(config["endpoints"])
      .map((one) => text(one["s3"]))
      .find((url) => url !== "");
    const sessionToken = text(config["token"]) || process.env["AWS_SESSION_TOKEN"];
    return new Store({
      region,
      accessKeyId,
      secretAccessKey,
      pathStyle: config["s3UsePathStyle"] === true,
      ...(endpoint && { endpoint }),
      ...(sessionToken && { sessionToken }),
    });
  },
  resources: {
    "aws:s3/bucket:Bucket": bucket,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration":
      bucketEncryption,
  },
};
