import type { Properties, StateResource } from "./deployment.ts";
import type { Vendors } from "./vendors.ts";

/** What is to be done about an object that a killed run may have left behind. */
export type Finding =
  | { readonly kind: "found"; readonly id: string }
  | { readonly kind: "absent" }
  /** It was there, is of no use any more, and was removed. */
  | { readonly kind: "removed"; readonly what: string };

type Finder = (vendors: Vendors, provider: Properties, inputs: Properties) => Promise<Finding>;

const ABSENT: Finding = { kind: "absent" };
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const objects = (value: unknown): readonly Properties[] =>
  Array.isArray(value) ? (value as Properties[]) : [];

/** Hetzner's names are unique in a project; the labels say whether the object is this stack's. */
function hetzner(collection: string): Finder {
  return async (vendors, provider, inputs) => {
    const name = text(inputs["name"]);
    const answer = await vendors.hetzner(provider, `/${collection}?name=${encodeURIComponent(name)}`);
    const wanted = Object.entries((inputs["labels"] ?? {}) as Properties);
    const found = objects(answer[collection]).filter((object) => {
      const labels = (object["labels"] ?? {}) as Properties;
      return object["name"] === name && wanted.every(([key, value]) => labels[key] === value);
    });
    return found.length === 1 ? { kind: "found", id: String(found[0]?.["id"]) } : ABSENT;
  };
}

/** Numbers and texts, capitals and final dots are one to the vendor. */
function plain(value: unknown): unknown {
  if (value === null || value === undefined || typeof value !== "object") {
    return String(value ?? "")
      .toLowerCase()
      .replace(/\.$/, "");
  }
  const entries = Object.entries(value).map(([key, part]) => [key, plain(part)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A record of the same name, type and content is the same record: the vendor refuses a second one. */
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
  const same = objects(answer["result"]).find((record) => {
    const found = record[field];
    // The vendor adds fields of its own to data.
    const comparable =
      field === "data"
        ? Object.fromEntries(Object.keys(wanted).map((key) => [key, (found as Properties)?.[key]]))
        : found;
    return JSON.stringify(plain(comparable)) === JSON.stringify(plain(wanted));
  });
  return same === undefined ? ABSENT : { kind: "found", id: text(same["id"]) };
};

/** A key's secret is told once, to the run that was killed: the key is of no use to anybody who should have it. */
const tailnetKey: Finder = async (vendors, provider, inputs) => {
  const description = text(inputs["description"]);
  if (description === "") return ABSENT;
  const keys = `/tailnet/${encodeURIComponent(text(provider["tailnet"]) || "-")}/keys`;
  const list = objects((await vendors.tailscale(provider, "GET", keys))["keys"]);
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

/** 1Password takes any number of items of one title: only a single one with our tags is taken for ours. */
const item: Finder = async (vendors, _provider, inputs) => {
  const vault = text(inputs["vault"]);
  const tags = Array.isArray(inputs["tags"]) ? (inputs["tags"] as string[]) : [];
  const found = vendors.onepassword(vault).filter(({ title, tags: has }) => {
    return title === inputs["title"] && tags.every((tag) => Array.isArray(has) && has.includes(tag));
  });
  return found.length === 1
    ? { kind: "found", id: `vaults/${vault}/items/${text(found[0]?.["id"])}` }
    : ABSENT;
};

/** By resource type. What is not here is created again without harm: settings that are put, and commands. */
const FINDERS: Readonly<Record<string, Finder>> = {
  "hcloud:index/server:Server": hetzner("servers"),
  "hcloud:index/sshKey:SshKey": hetzner("ssh_keys"),
  "hcloud:index/firewall:Firewall": hetzner("firewalls"),
  "hcloud:index/primaryIp:PrimaryIp": hetzner("primary_ips"),
  "hcloud:index/placementGroup:PlacementGroup": hetzner("placement_groups"),
  "hcloud:index/network:Network": hetzner("networks"),
  "hcloud:index/volume:Volume": hetzner("volumes"),
  "cloudflare:index/dnsRecord:DnsRecord": dnsRecord,
  "tailscale:index/tailnetKey:TailnetKey": tailnetKey,
  "aws:s3/bucket:Bucket": bucket,
  "onepassword:index/item:Item": item,
};

/** Looks for what a pending creation left behind. Throws when the vendor cannot be asked. */
export async function find(
  vendors: Vendors,
  provider: Properties,
  { type, inputs }: StateResource,
): Promise<Finding> {
  return (await FINDERS[type]?.(vendors, provider, inputs ?? {})) ?? ABSENT;
}
