import type { ServerAt } from "../../../deployer/install/context.ts";
import { RackApi } from "./client.ts";

export const install: ServerAt = ({ server }) => {
  const request = (method: string, path: string, body?: object) =>
    new RackApi(process.env).request(method, `/slots/${server}${path}`, body);
  return {
    open: async (ports, sources) => void (await request("PUT", "/ssh", { ports, sources })),
    close: async () => void (await request("DELETE", "/ssh")),
    openHint: "it is opened during the installation with RACK_TOKEN",
    status: async () => {
      const slots = await new RackApi(process.env).slots();
      return slots.find(({ slot }) => String(slot) === server)?.power;
    },
    rebuild: async () => void (await request("POST", "/rebuild")),
  };
};
