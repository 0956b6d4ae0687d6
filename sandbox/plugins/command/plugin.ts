import type { Plugin } from "../framework/resource.ts";
import { localCommand, localRun } from "./local.ts";

/** Replaces @pulumi/command 1.2.1. Commands have no time limit of their own, as in the official plugin. */
export const command: Plugin<unknown> = {
  name: "command",
  native: true,
  limit: 7 * 24 * 3600,
  configure: () => ({}),
  resources: {
    "command:local:Command": localCommand,
  },
  functions: { "command:local:run": localRun },
};
