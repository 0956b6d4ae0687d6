/** Buckets with their inline rules, and the separate resource for encryption. */
import { type Context, Incomplete, type Property, type Resource, text } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";
import {
  encryptionForm,
  encryptionFromStore,
  encryptionToStore,
  lifecycleForm,
  lifecycleFromStore,
  lifecycleToStore,
} from "./rules.ts";
import type { Store } from "./store.ts";

/** A part of a bucket, with its own calls to put, read and delete it. */
interface Part {
  input: string;
  put(store: Store, bucket: string, rules: Json): Promise<unknown>;
  get(store: Store, bucket: string): Promise<Json | undefined>;
  remove(store: Store, bucket: string): Promise<unknown>;
}

const lifecycle: Part = {
  input: "lifecycleRules",
  put: (store, Bucket, rules) =>
    store.call("PutBucketLifecycleConfiguration", Bucket, (client, sdk) =>
      client.send(
        new sdk.PutBucketLifecycleConfigurationCommand({
          Bucket,
          LifecycleConfiguration: lifecycleToStore(rules),
        }),
      ),
    ),
  async get(store, Bucket) {
    const found = await store.find("GetBucketLifecycleConfiguration", Bucket, (client, sdk) =>
      client.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket })),
    );
    return found && lifecycleFromStore(found.Rules);
  },
  remove: (store, Bucket) =>
    store.find("DeleteBucketLifecycle", Bucket, (client, sdk) =>
      client.send(new sdk.DeleteBucketLifecycleCommand({ Bucket })),
    ),
};

const encryption: Part = {
  input: "rules",
  put: (store, Bucket, rules) =>
    store.call("PutBucketEncryption", Bucket, (client, sdk) =>
      client.send(
        new sdk.PutBucketEncryptionCommand({
          Bucket,
          ServerSideEncryptionConfiguration: { Rules: encryptionToStore(rules) },
        }),
      ),
    ),
  async get(store, Bucket) {
    const found = await store.find("GetBucketEncryption", Bucket, (client, sdk) =>
      client.send(new sdk.GetBucketEncryptionCommand({ Bucket })),
    );
    return found && encryptionFromStore(found.ServerSideEncryptionConfiguration?.Rules);
  },
  remove: (store, Bucket) =>
    store.find("DeleteBucketEncryption", Bucket, (client, sdk) =>
      client.send(new sdk.DeleteBucketEncryptionCommand({ Bucket })),
    ),
};

/** The inline form in a bucket: one rule in an object instead of a list. */
const inlineEncryption: Part = {
  input: "serverSideEncryptionConfiguration",
  put: (store, bucket, configuration) => encryption.put(store, bucket, [object(configuration)["rule"] ?? {}]),
  async get(store, bucket) {
    const rule = objects(await encryption.get(store, bucket))[0];
    return rule && { rule };
  },
  remove: encryption.remove,
};

const PARTS = [lifecycle, inlineEncryption];

async function exists(store: Store, Bucket: string): Promise<boolean> {
  const found = await store.find("HeadBucket", Bucket, (client, sdk) =>
    client.send(new sdk.HeadBucketCommand({ Bucket })),
  );
  return found !== undefined;
}

function outputsOf(store: Store, bucket: string): Properties {
  const { region } = store.settings;
  return {
    bucket,
    region,
    bucketRegion: region,
    arn: `arn:aws:s3:::${bucket}`,
    bucketDomainName: `${bucket}.s3.amazonaws.com`,
    bucketRegionalDomainName: `${bucket}.s3.${region}.amazonaws.com`,
    tagsAll: {},
  };
}

const properties: Record<string, Property> = {
  bucket: { type: "string", required: true, replace: true },
  // Absent inputs are no change: optional and computed in terraform-provider-aws v6,
  // internal/service/s3/bucket.go.
  acl: { type: "string", writeOnly: true, keptWhen: "absent" },
  forceDestroy: { type: "boolean", default: false, writeOnly: true },
  region: { type: "string", replace: true },
  lifecycleRules: { type: "list", normalise: lifecycleForm, keptWhen: "empty" },
  serverSideEncryptionConfiguration: {
    type: "map",
    keptWhen: "absent",
    normalise: (configuration) => encryptionForm([object(configuration)["rule"] ?? {}]),
  },
};

async function putParts(
  store: Store,
  bucket: string,
  inputs: Properties,
  changed: (input: string) => boolean,
) {
  for (const part of PARTS) {
    if (!changed(part.input)) continue;
    const rules = inputs[part.input];
    if (rules === undefined || (Array.isArray(rules) && rules.length === 0)) await part.remove(store, bucket);
    else await part.put(store, bucket, rules);
  }
}

/** Deletes every version of every object, a thousand at a time. */
async function emptyBucket({ client: store, signal, status }: Context<Store>, Bucket: string): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const listed = await store.call("ListObjectVersions", Bucket, (client, sdk) =>
      client.send(new sdk.ListObjectVersionsCommand({ Bucket, MaxKeys: 1000 })),
    );
    const found = [...(listed.Versions ?? []), ...(listed.DeleteMarkers ?? [])];
    const Objects = found.map(({ Key, VersionId }) => ({
      Key: Key ?? "",
      ...(VersionId && { VersionId }),
    }));
    if (Objects.length === 0) return;
    status(`deleting ${Objects.length} object versions`);
    const answer = await store.call("DeleteObjects", Bucket, (client, sdk) =>
      client.send(new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } })),
    );
    const [failed] = answer.Errors ?? [];
    if (failed) throw new Error(`DeleteObjects ${Bucket}: ${failed.Key}: ${failed.Code}: ${failed.Message}`);
  }
}

export const bucket: Resource<Store> = {
  properties,
  computed: ["arn", "bucketDomainName", "bucketRegionalDomainName", "bucketRegion", "region", "tagsAll"],
  autoname: "bucket",
  async create({ client: store }, inputs) {
    const Bucket = text(inputs["bucket"]);
    const { region } = store.settings;
    await store.call("CreateBucket", Bucket, (client, sdk) =>
      client.send(
        new sdk.CreateBucketCommand({
          Bucket,
          ...(inputs["acl"] !== undefined && { ACL: text(inputs["acl"]) as "private" }),
          ...(region !== "us-east-1" && {
            CreateBucketConfiguration: { LocationConstraint: region as "eu-central-1" },
          }),
        }),
      ),
    );
    try {
      await putParts(store, Bucket, inputs, (input) => inputs[input] !== undefined);
    } catch (error) {
      throw new Incomplete(Bucket, outputsOf(store, Bucket), error);
    }
    return { id: Bucket, outputs: outputsOf(store, Bucket) };
  },
  async read({ client: store }, id, old) {
    if (!(await exists(store, id))) return undefined;
    const inputs: Properties = {
      bucket: id,
      ...(old.inputs["region"] !== undefined && { region: old.inputs["region"] }),
    };
    const importing = Object.keys(old.inputs).length === 0;
    for (const part of PARTS) {
      if (!importing && old.inputs[part.input] === undefined) continue;
      const found = await part.get(store, id);
      if (found !== undefined) inputs[part.input] = found;
    }
    return { id, inputs, outputs: outputsOf(store, id) };
  },
  async update({ client: store }, id, { inputs, changed }) {
    if (changed.has("acl")) {
      const ACL = text(inputs["acl"] ?? "private") as "private";
      await store.call("PutBucketAcl", id, (client, sdk) =>
        client.send(new sdk.PutBucketAclCommand({ Bucket: id, ACL })),
      );
    }
    await putParts(store, id, inputs, (input) => changed.has(input));
    return outputsOf(store, id);
  },
  async delete(context, id, old) {
    const store = context.client;
    if (!(await exists(store, id))) return;
    if (old.outputs["forceDestroy"] === true) await emptyBucket(context, id);
    await store.find("DeleteBucket", id, (client, sdk) =>
      client.send(new sdk.DeleteBucketCommand({ Bucket: id })),
    );
  },
};

export const bucketEncryption: Resource<Store> = {
  properties: {
    bucket: { type: "string", required: true, replace: true },
    rules: { type: "list", required: true, normalise: encryptionForm },
    region: { type: "string", replace: true, writeOnly: true },
  },
  computed: [],
  async create({ client: store }, inputs) {
    const id = text(inputs["bucket"]);
    await encryption.put(store, id, inputs["rules"] ?? []);
    return { id, outputs: {} };
  },
  async read({ client: store }, id) {
    const rules = await encryption.get(store, id);
    return rules === undefined ? undefined : { id, inputs: { bucket: id, rules }, outputs: {} };
  },
  async update({ client: store }, id, { inputs }) {
    await encryption.put(store, id, inputs["rules"] ?? []);
    return {};
  },
  async delete({ client: store }, id) {
    await encryption.remove(store, id);
  },
};
