/** Starts the "aws" plugin; the engine runs this through bin/pulumi-resource-aws. */
import { installedVersion, serve } from "../framework/server.ts";
import { aws } from "./plugin.ts";

await serve(aws, installedVersion("@pulumi/aws", import.meta.url));
