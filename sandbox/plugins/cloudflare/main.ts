/** Starts the "cloudflare" plugin; the engine runs this through bin/pulumi-resource-cloudflare. */
import { installedVersion, serve } from "../framework/server.ts";
import { cloudflare } from "./plugin.ts";

await serve(cloudflare, installedVersion("@pulumi/cloudflare", import.meta.url));
