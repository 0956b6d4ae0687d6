/** Starts the "onepassword" plugin; the engine runs this through bin/pulumi-resource-onepassword. */
import { installedVersion, serve } from "../framework/server.ts";
import { onepassword } from "./plugin.ts";

await serve(onepassword, installedVersion("@1password/pulumi-onepassword", import.meta.url));
