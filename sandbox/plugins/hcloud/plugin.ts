import { type Plugin, text } from "../framework/resource.ts";
import { primaryIp, rdns } from "./addresses.ts";
import { Hetzner, milliseconds } from "./client.ts";
import { firewall } from "./firewall.ts";
import { server } from "./server.ts";
import { placementGroup, sshKey } from "./simple.ts";

/** Replaces @pulumi/hcloud 1.41.0 for the resources that the program uses. */
export const hcloud: Plugin<Hetzner> = {
  name: "hcloud",
  secretConfig: ["token"],
  configure(config) {
    const token = text(config["token"]) || process.env["HCLOUD_TOKEN"];
    if (!token) throw new Error("hcloud: no token; set the provider's token or HCLOUD_TOKEN");
    return new Hetzner({
      token,
      endpoint: text(config["endpoint"]) || process.env["HCLOUD_ENDPOINT"] || "https://api.hetzner.cloud/v1",
      pollInterval: milliseconds(text(config["pollInterval"]) || "500ms"),
      constantPoll: config["pollFunction"] === "constant",
    });
  },
  resources: {
    "hcloud:index/sshKey:SshKey": sshKey,
    "hcloud:index/server:Server": server,
    "hcloud:index/primaryIp:PrimaryIp": primaryIp,
    "hcloud:index/firewall:Firewall": firewall,
    "hcloud:index/rdns:Rdns": rdns,
    "hcloud:index/placementGroup:PlacementGroup": placementGroup,
  },
};
