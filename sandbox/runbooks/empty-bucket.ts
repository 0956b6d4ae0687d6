/**
 * Deletes all objects of a bucket; run in the sandbox's network, where the emulated B2 is. Standard input has the
 * bucket and its key as JSON.
 */
import { readFileSync } from "node:fs";
import { DeleteObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import * as z from "zod";

const { endpoint, region, bucket, ...credentials } = z
  .strictObject({
    endpoint: z.string(),
    region: z.string(),
    bucket: z.string(),
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
  })
  .parse(JSON.parse(readFileSync(0, "utf8")));

const client = new S3Client({
  endpoint,
  region,
  credentials,
  forcePathStyle: true,
  // B2 refuses the checksums that the SDK adds by default.
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
});
for await (const { Contents: objects = [] } of paginateListObjectsV2({ client }, { Bucket: bucket })) {
  await Promise.all(objects.map(({ Key }) => client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))));
}
