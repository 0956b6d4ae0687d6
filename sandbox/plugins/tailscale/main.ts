/** Starts the "tailscale" plugin; the engine runs this through bin/pulumi-resource-tailscale. */
import { installedVersion, serve } from "../framework/server.ts";
import { tailscale } from "./plugin.ts";

await serve(tailscale, installedVersion("@pulumi/tailscale", import.meta.url));
