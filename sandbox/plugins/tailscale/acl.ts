/** The tailnet's policy file, which always exists. */
import { randomUUID } from "node:crypto";
import { VendorError } from "../framework/http.ts";
import { type Context, type Resource, text } from "../framework/resource.ts";
import { type Json, UNKNOWN } from "../framework/values.ts";
import type { Tailscale } from "./client.ts";

/** The policy as JSON. In HuJSON comments, trailing commas and white space have no meaning. */
export function standardPolicy(policy: Json): Json {
  const outsideStrings = (source: string, pattern: string) =>
    source.replace(new RegExp(`"(?:[^"\\\\]|\\\\.)*"|${pattern}`, "g"), (found) =>
      found.startsWith('"') ? found : "",
    );
  const uncommented = outsideStrings(text(policy), "\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?\\*\\/");
  const bare = outsideStrings(uncommented, ",(?=\\s*[}\\]])");
  try {
    return JSON.parse(bare) as Json;
  } catch {
    return policy;
  }
}

const HUJSON = "application/hujson";
const MEDIA = { accept: HUJSON, "content-type": HUJSON };

async function putPolicy(
  { client, signal }: Context<Tailscale>,
  policy: string,
  condition?: string,
): Promise<void> {
  const headers = condition === undefined ? MEDIA : { ...MEDIA, "if-match": `"${condition}"` };
  const path = client.tailnet("/acl");
  await client.request({ method: "POST", path, text: policy, headers, rawAnswer: true, signal });
}

export const acl: Resource<Tailscale> = {
  properties: {
    acl: { type: "string", required: true, normalise: standardPolicy },
    overwriteExistingContent: { type: "boolean", writeOnly: true },
    resetAclOnDestroy: { type: "boolean", writeOnly: true },
  },
  computed: [],
  validate(inputs) {
    const policy = standardPolicy(inputs["acl"] ?? "");
    const parsed = typeof policy === "object" || inputs["acl"] === undefined;
    return parsed || policy === UNKNOWN ? [] : [["acl", "is neither JSON nor HuJSON"]];
  },
  async create(context, inputs) {
    // "ts-default" is the tag of a policy that was never changed: only that one is overwritten by default.
    const condition = inputs["overwriteExistingContent"] === true ? undefined : "ts-default";
    try {
      await putPolicy(context, text(inputs["acl"]), condition);
    } catch (error) {
      if (!(error instanceof VendorError && error.status === 412)) throw error;
      throw new Error(
        `${error.message}: you are trying to overwrite a non-default policy; import it first or set overwriteExistingContent: true`,
      );
    }
    return { id: randomUUID(), outputs: {} };
  },
  async read({ client, signal }, id) {
    const answer = await client.request({
      method: "GET",
      path: client.tailnet("/acl"),
      headers: { accept: HUJSON },
      rawAnswer: true,
      signal,
    });
    return { id, inputs: { acl: answer.text }, outputs: {} };
  },
  async update(context, _id, { inputs, changed }) {
    if (changed.has("acl")) await putPolicy(context, text(inputs["acl"]));
    return {};
  },
  async delete(context, _id, old) {
    if (old.outputs["resetAclOnDestroy"] === true) await putPolicy(context, "");
  },
};
