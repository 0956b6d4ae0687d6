/** Which stack a command is for. */
import path from "node:path";

export interface StackName {
  /** As given: `production` or `organization/pantheros/production`. */
  readonly full: string;
  /** Its last part, which names the stack's file. */
  readonly short: string;
  /** The stack's configuration file, absolute. */
  readonly file: string;
  /** True: the caller chose the file with `--config-file`. */
  readonly isOwnFile: boolean;
}

export interface StackOptions {
  readonly stack?: string | undefined;
  readonly configFile?: string | undefined;
}

/** Without `--stack` it is PULUMI_STACK, or else `sandbox`, as in tools/pulumi. */
export function stackName(
  { stack, configFile }: StackOptions,
  { env, root, cwd }: { readonly env: NodeJS.ProcessEnv; readonly root: string; readonly cwd: string },
): StackName {
  const full = stack || env["PULUMI_STACK"] || "sandbox";
  const short = full.split("/").at(-1) ?? full;
  return {
    full,
    short,
    file: configFile === undefined ? path.join(root, `Pulumi.${short}.yaml`) : path.resolve(cwd, configFile),
    isOwnFile: configFile !== undefined,
  };
}
