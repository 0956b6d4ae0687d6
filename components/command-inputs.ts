/**
 * Inputs of a `command.local.Command` that never cause anything by themselves: a new script or variable would otherwise
 * run the command again as an update on every host. When a trigger replaces the resource, their new values are used.
 */
export const IGNORED_COMMAND_INPUTS: string[] = [
  "create",
  "update",
  "delete",
  "environment",
  "stdin",
  "dir",
  "interpreter",
  "logging",
  "addPreviousOutputInEnv",
  "assetPaths",
  "archivePaths",
];
