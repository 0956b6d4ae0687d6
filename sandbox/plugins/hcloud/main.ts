/** Starts the "hcloud" plugin; the engine runs this through bin/pulumi-resource-hcloud. */
import { installedVersion, serve } from "../framework/server.ts";
import { hcloud } from "./plugin.ts";

await serve(hcloud, installedVersion("@pulumi/hcloud", import.meta.url));
