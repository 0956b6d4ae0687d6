/** Requests to the rack's API. */
import * as z from "zod";
import { type RequestOptions, VendorApi } from "../../../clients/vendor-api.ts";

const failure = z.object({ message: z.string() });

const slot = z.object({
  slot: z.number(),
  hostname: z.string(),
  power: z.enum(["running", "off", "missing"]),
});
export type Slot = z.infer<typeof slot>;

/** Monthly prices in euros by size and room. */
const prices = z.record(z.string(), z.record(z.string(), z.number()));

export class RackApi extends VendorApi {
  /** @throws Error when RACK_URL or RACK_TOKEN is not set */
  constructor(env: NodeJS.ProcessEnv, options: RequestOptions = {}) {
    const { RACK_URL: endpoint, RACK_TOKEN: token } = env;
    if (!endpoint || !token) throw new Error("RACK_URL and RACK_TOKEN must be set");
    super({ ...options, vendor: "the rack", endpoint, token: () => token, failure });
  }

  async slots(): Promise<Slot[]> {
    return (await this.read(z.object({ slots: z.array(slot) }), "GET", "/slots")).slots;
  }

  async prices(): Promise<z.infer<typeof prices>> {
    return (await this.read(z.object({ prices }), "GET", "/prices")).prices;
  }
}
