/**
 * Empties a bucket, or copies its objects to a directory or back; run in the sandbox's network, where the emulated B2
 * is. Standard input has the job and the bucket's key as JSON.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";
import * as z from "zod";

const { endpoint, region, accessKeyId, secretAccessKey, bucket, directory, what } = z
  .strictObject({
    what: z.enum(["empty", "download", "upload"]),
    endpoint: z.string(),
    region: z.string(),
    bucket: z.string(),
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
    /** Of the copies; unused by `empty`. */
    directory: z.string().default(""),
  })
  .parse(JSON.parse(readFileSync(0, "utf8")));

const client = new S3Client({
  endpoint,
  region,
  credentials: { accessKeyId, secretAccessKey },
  forcePathStyle: true,
  // B2 refuses the checksums that the SDK adds by default.
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
});

async function upload(): Promise<void> {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  for (const name of names.filter((each) => statSync(join(directory, each)).isFile()))
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: name, Body: readFileSync(join(directory, name)) }),
    );
}

async function handle(key: string): Promise<void> {
  if (what === "empty") {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    return;
  }
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const file = join(directory, key);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, (await Body?.transformToByteArray()) ?? "");
}

if (what === "upload") await upload();
else {
  // Copies of an earlier rehearsal.
  if (what === "download") rmSync(directory, { recursive: true, force: true });
  for await (const { Contents: objects = [] } of paginateListObjectsV2({ client }, { Bucket: bucket }))
    await Promise.all(objects.flatMap(({ Key }) => (Key === undefined ? [] : [handle(Key)])));
}
