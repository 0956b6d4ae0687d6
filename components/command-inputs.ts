/**
 * Inputs of a `command.local.Command` whose changes are ignored: otherwise a changed script or variable
 * would run the command again on every host. When a trigger replaces the resource, their new values
 * are used.
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
