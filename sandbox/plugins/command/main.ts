/** Starts the "command" plugin; the engine runs this through bin/pulumi-resource-command. */
import { installedVersion, serve } from "../framework/server.ts";
import { command } from "./plugin.ts";

await serve(command, installedVersion("@pulumi/command", import.meta.url));
