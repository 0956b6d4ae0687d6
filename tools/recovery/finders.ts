import { CREATING_KINDS } from "../../inventory/providers.ts";
import { loadPartIfAny } from "../../providers/parts.ts";
import type { Properties, StateResource } from "./deployment.ts";
import { ABSENT, type Finding, objects, text } from "./finder.ts";
import type { Vendors } from "./vendors.ts";

type Finder = (vendors: Vendors, provider: Properties, inputs: Properties) => Promise<Finding>;

/** Cloudflare does not distinguish numbers from text, upper from lower case, or names with and without a final dot. */
function normalize(value: unknown): unknown {
  if (value === null || value === undefined || typeof value !== "object") {
    return String(value ?? "")
      .toLowerCase()
      .replace(/\.$/, "");
  }
  const entries = Object.entries(value).map(([key, part]) => [key, normalize(part)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `matching_type`, as in the vendor's API, for `matchingType`. */
const snakeCase = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Name, type and content identify a record: Cloudflare refuses a second one. */
const dnsRecord: Finder = async (vendors, provider, inputs) => {
  const zone = text(inputs["zoneId"]);
  const query = new URLSearchParams({
    name: text(inputs["name"]),
    type: text(inputs["type"]),
    per_page: "100",
  });
  const answer = await vendors.cloudflare(provider, `/zones/${zone}/dns_records?${query}`);
  const field = inputs["data"] === undefined ? "content" : "data";
  const wanted = inputs[field] as Properties;
  const same = objects(answer, "result").find((record) => {
    const found = record[field];
    // Cloudflare adds its own fields to `data`.
    const comparable =
      field === "data"
        ? Object.fromEntries(Object.keys(wanted).map((key) => [key, (found as Properties)?.[snakeCase(key)]]))
        : found;
    return JSON.stringify(normalize(comparable)) === JSON.stringify(normalize(wanted));
  });
  return same === undefined ? ABSENT : { kind: "found", id: text(same["id"]) };
};

/** Tailscale returns the secret of a key only once, and the killed run lost it, so the key is removed. */
const tailnetKey: Finder = async (vendors, provider, inputs) => {
  const description = text(inputs["description"]);
  if (description === "") return ABSENT;
  const keys = `/tailnet/${encodeURIComponent(text(provider["tailnet"]) || "-")}/keys`;
  const list = objects(await vendors.tailscale(provider, "GET", keys), "keys");
  let removed = 0;
  for (const { id } of list) {
    const key = await vendors.tailscale(provider, "GET", `${keys}/${text(id)}`);
    if (key["description"] !== description || key["invalid"] === true) continue;
    await vendors.tailscale(provider, "DELETE", `${keys}/${text(id)}`);
    removed += 1;
  }
  return removed === 0 ? ABSENT : { kind: "removed", what: `${removed} unused key(s) "${description}"` };
};

const bucket: Finder = async (vendors, provider, inputs) => {
  const name = text(inputs["bucket"]);
  return (await vendors.ownsBucket(provider, name)) ? { kind: "found", id: name } : ABSENT;
};

/** 1Password allows several items of one title: only a single item with the expected tags is adopted. */
const item: Finder = async (vendors, _provider, inputs) => {
  const vault = text(inputs["vault"]);
  const tags = Array.isArray(inputs["tags"]) ? (inputs["tags"] as string[]) : [];
  const found = (await vendors.onepassword(vault)).filter(({ title, tags: has }) => {
    return title === inputs["title"] && tags.every((tag) => Array.isArray(has) && has.includes(tag));
  });
  return found.length === 1
    ? { kind: "found", id: `vaults/${vault}/items/${text(found[0]?.["id"])}` }
    : ABSENT;
};

/** By resource type. Other types (settings, commands) can be created a second time without harm. */
const FINDERS: Readonly<Record<string, Finder>> = {
  "cloudflare:index/dnsRecord:DnsRecord": dnsRecord,
  "tailscale:index/tailnetKey:TailnetKey": tailnetKey,
  "aws:s3/bucket:Bucket": bucket,
  "onepassword:index/item:Item": item,
};

/** The finder of a resource that a provider of servers has. */
async function providerFinder(type: string): Promise<Finder | undefined> {
  for (const kind of CREATING_KINDS) {
    const finder = (await loadPartIfAny(kind, "recovery"))?.finders[type];
    if (finder === undefined) continue;
    return (vendors, provider, inputs) => finder((path) => vendors.servers({ kind, provider, path }), inputs);
  }
  return undefined;
}

/**
 * Finds the object of a resource that the state does not have.
 * @throws when the vendor does not answer
 */
export async function find(
  vendors: Vendors,
  provider: Properties,
  { type, inputs }: StateResource,
): Promise<Finding> {
  const finder = FINDERS[type] ?? (await providerFinder(type));
  return (await finder?.(vendors, provider, inputs ?? {})) ?? ABSENT;
}
