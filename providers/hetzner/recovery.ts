import { HETZNER_ENDPOINT, HetznerApi } from "../../clients/hetzner/api.ts";
import type { Properties } from "../../tools/recovery/deployment.ts";
import {
  ABSENT,
  type Finding,
  objects,
  type ProviderFinders,
  text,
  type VendorGet,
} from "../../tools/recovery/finder.ts";

/** Names are unique in a project; the labels show whether the object belongs to this stack. */
const finder =
  (collection: string) =>
  async (get: VendorGet, inputs: Properties): Promise<Finding> => {
    const name = text(inputs["name"]);
    const answer = await get(`/${collection}?name=${encodeURIComponent(name)}`);
    const wanted = Object.entries((inputs["labels"] ?? {}) as Properties);
    const found = objects(answer, collection).filter((object) => {
      const labels = (object["labels"] ?? {}) as Properties;
      return object["name"] === name && wanted.every(([key, value]) => labels[key] === value);
    });
    return found.length === 1 ? { kind: "found", id: String(found[0]?.["id"]) } : ABSENT;
  };

export const recovery: ProviderFinders = {
  open(provider, variable, options) {
    const endpoint = text(provider["endpoint"]) || HETZNER_ENDPOINT;
    const api = new HetznerApi({ ...options, endpoint, token: variable("HCLOUD_TOKEN") });
    return async (path) => (await api.request("GET", path)) as Properties;
  },
  finders: {
    "hcloud:index/server:Server": finder("servers"),
    "hcloud:index/sshKey:SshKey": finder("ssh_keys"),
    "hcloud:index/firewall:Firewall": finder("firewalls"),
    "hcloud:index/primaryIp:PrimaryIp": finder("primary_ips"),
    "hcloud:index/placementGroup:PlacementGroup": finder("placement_groups"),
  },
};
