/** One object of a bucket, from text, base64, or a text or file asset. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Property, type Resource, text } from "../framework/resource.ts";
import { object, type Properties } from "../framework/values.ts";
import type { Store } from "./store.ts";

const properties: Record<string, Property> = {
  bucket: { type: "string", required: true, replace: true },
  key: { type: "string", required: true, replace: true },
  content: { type: "string", writeOnly: true },
  contentBase64: { type: "string", writeOnly: true },
  source: { type: "any", writeOnly: true },
  contentType: { type: "string" },
  cacheControl: { type: "string" },
  metadata: { type: "map", default: {} },
  region: { type: "string", replace: true, writeOnly: true },
};

async function bytesOf(inputs: Properties): Promise<Buffer> {
  if (inputs["content"] !== undefined) return Buffer.from(text(inputs["content"]));
  if (inputs["contentBase64"] !== undefined) return Buffer.from(text(inputs["contentBase64"]), "base64");
  const { text: written, path } = object(inputs["source"]);
  if (typeof written === "string") return Buffer.from(written);
  if (typeof path === "string") return readFile(path);
  throw new Error("source: only text and file assets are supported by this plugin");
}

async function put(store: Store, inputs: Properties): Promise<Properties> {
  const [Bucket, Key, Body] = [text(inputs["bucket"]), text(inputs["key"]), await bytesOf(inputs)];
  const metadata = Object.entries(object(inputs["metadata"])).map(([key, value]) => [key, String(value)]);
  const answer = await store.call("PutObject", `${Bucket}/${Key}`, (client, sdk) =>
    client.send(
      new sdk.PutObjectCommand({
        Bucket,
        Key,
        Body,
        Metadata: Object.fromEntries(metadata) as Record<string, string>,
        ...(inputs["contentType"] === undefined ? {} : { ContentType: text(inputs["contentType"]) }),
        ...(inputs["cacheControl"] === undefined ? {} : { CacheControl: text(inputs["cacheControl"]) }),
      }),
    ),
  );
  const etag = (answer.ETag ?? createHash("md5").update(Body).digest("hex")).replaceAll('"', "");
  return { etag, versionId: answer.VersionId ?? "", arn: `arn:aws:s3:::${Bucket}/${Key}` };
}

export const bucketObject: Resource<Store> = {
  properties,
  computed: ["etag", "versionId", "arn"],
  volatile: () => ["etag", "versionId"],
  validate(inputs) {
    const given = ["content", "contentBase64", "source"].filter((name) => inputs[name] !== undefined);
    return given.length === 1 ? [] : [["content", "give exactly one of content, contentBase64, source"]];
  },
  async create({ client }, inputs) {
    return { id: `${text(inputs["bucket"])}/${text(inputs["key"])}`, outputs: await put(client, inputs) };
  },
  async read({ client }, id, old) {
    const [Bucket = "", ...parts] = id.split("/");
    const Key = parts.join("/");
    const found = await client.find("HeadObject", id, (s3, sdk) =>
      s3.send(new sdk.HeadObjectCommand({ Bucket, Key })),
    );
    if (!found) return undefined;
    const inputs: Properties = { bucket: Bucket, key: Key, metadata: found.Metadata ?? {} };
    if (found.ContentType) inputs["contentType"] = found.ContentType;
    if (found.CacheControl) inputs["cacheControl"] = found.CacheControl;
    const etag = (found.ETag ?? "").replaceAll('"', "");
    const outputs = {
      ...old.outputs,
      etag,
      versionId: found.VersionId ?? "",
      arn: `arn:aws:s3:::${Bucket}/${Key}`,
    };
    return { id, inputs, outputs };
  },
  update: ({ client }, _id, _old, inputs) => put(client, inputs),
  async delete({ client }, id) {
    const [Bucket = "", ...parts] = id.split("/");
    await client.find("DeleteObject", id, (s3, sdk) =>
      s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: parts.join("/") })),
    );
  },
};
