import type { Properties, StateResource } from "./deployment.ts";
import type { Vendors } from "./vendors.ts";

/** What was found of an object that a killed run may have created. */
export type Finding =
  | { readonly kind: "found"; readonly id: string }
  | { readonly kind: "absent" }
  /** It existed, was useless, and was removed. */
  | { readonly kind: "removed"; readonly what: string };

type Finder = (vendors: Vendors, provider: Properties, inputs: Properties) => Promise<Finding>;

const ABSENT: Finding = { kind: "absent" };
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/**
 * A list in a vendor's answer. An answer without the list is not an empty list, because an object
 * that does not exist is created again.
 * @throws Error when the answer has no such list
 */
function objects(answer: Properties, key: string): readonly Properties[] {
  const list = answer[key] === null ? [] : answer[key];
  if (!Array.isArray(list)) throw new Error(`unexpected answer of the vendor: it has no list "${key}"`);
  return list as Properties[];
}

/** Names are unique in a Hetzner project; the labels show whether the object belongs to this stack. */
function hetzner(collection: string): Finder {
  return async (vendors, provider, inputs) => {
    const name = text(inputs["name"]);
    const answer = await vendors.hetzner(provider, `/${collection}?name=${encodeURIComponent(name)}`);
    const wanted = Object.entries((inputs["labels"] ?? {}) as Properties);
    const found = objects(answer, collection).filter((object) => {
      const labels = (object["labels"] ?? {}) as Properties;
      return object["name"] === name && wanted.every(([key, value]) => labels[key] === value);
    });
    return found.length === 1 ? { kind: "found", id: String(found[0]?.["id"]) } : ABSENT;
  };
}

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
  "hcloud:index/server:Server": hetzner("servers"),
  "hcloud:index/sshKey:SshKey": hetzner("ssh_keys"),
  "hcloud:index/firewall:Firewall": hetzner("firewalls"),
  "hcloud:index/primaryIp:PrimaryIp": hetzner("primary_ips"),
  "hcloud:index/placementGroup:PlacementGroup": hetzner("placement_groups"),
  "cloudflare:index/dnsRecord:DnsRecord": dnsRecord,
  "tailscale:index/tailnetKey:TailnetKey": tailnetKey,
  "aws:s3/bucket:Bucket": bucket,
  "onepassword:index/item:Item": item,
};

/**
 * Finds the object of a resource that the state does not have.
 * @throws when the vendor does not answer
 */
export async function find(
  vendors: Vendors,
  provider: Properties,
  { type, inputs }: StateResource,
): Promise<Finding> {
  return (await FINDERS[type]?.(vendors, provider, inputs ?? {})) ?? ABSENT;
}
