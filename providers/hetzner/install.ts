/** The vendor's side of an installation: the temporary SSH rule, the server's power, and its rebuild. */
import { HETZNER_ENDPOINT, HetznerApi } from "../../clients/hetzner/api.ts";
import { addSshRule, removeSshRule } from "../../clients/hetzner/temporary-ssh-rule.ts";
import type { ServerAt } from "../../deployer/install/context.ts";

export const install: ServerAt = ({ host, stack, server, settings }) => {
  const { endpoint = HETZNER_ENDPOINT, image = "" } = settings;
  const id = Number(server);
  const api = async (): Promise<HetznerApi> => {
    const token = process.env["HCLOUD_TOKEN"] ?? "";
    if (token === "") throw new Error("HCLOUD_TOKEN is not set");
    return new HetznerApi({ endpoint, token });
  };
  return {
    open: async (ports, sources) => addSshRule(await api(), { stack, host, server: id, ports, sources }),
    close: async () => removeSshRule(await api(), { stack, host }),
    openHint: "it is opened during the installation with HCLOUD_TOKEN (Read & Write)",
    status: async () => (await api()).serverStatus(id),
    rebuild: async () => (await api()).rebuild(id, image),
  };
};
