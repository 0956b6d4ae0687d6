import * as z from "zod";
import { type RequestOptions, VendorApi } from "../vendor-api.ts";

/** Source: Cloudflare API, "Make API calls", `errors`. */
const failure = z
  .object({ errors: z.tuple([z.object({ code: z.number(), message: z.string() })], z.unknown()) })
  .transform(({ errors: [{ code, message }] }) => ({ code: String(code), message }));

export class CloudflareApi extends VendorApi {
  constructor({ endpoint, token, ...options }: RequestOptions & { endpoint?: string; token: string }) {
    super({
      ...options,
      vendor: "Cloudflare",
      endpoint: endpoint || "https://api.cloudflare.com/client/v4",
      token: () => token,
      failure,
    });
  }
}
