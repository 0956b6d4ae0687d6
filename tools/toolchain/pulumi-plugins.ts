import { readFileSync } from "node:fs";
import path from "node:path";

/** A provider plugin, as its npm package declares it. */
export interface PulumiPlugin {
  readonly name: string;
  readonly version: string;
  /** Download address for `pulumi plugin install --server`, where it is not Pulumi's own. */
  readonly server?: string;
}

interface PackageJson {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly pulumi?: {
    readonly resource?: boolean;
    readonly name?: string;
    readonly version?: string;
    readonly server?: string;
  };
}

/** The plugin of an installed package; undefined when it has none. The plugin's version defaults to the package's. */
export function pluginOf(manifest: PackageJson): PulumiPlugin | undefined {
  const { pulumi, version } = manifest;
  if (pulumi?.resource !== true || pulumi.name === undefined) return undefined;
  return {
    name: pulumi.name,
    version: (pulumi.version ?? version).replace(/^v/, ""),
    ...(pulumi.server !== undefined && { server: pulumi.server }),
  };
}

/** The plugins of the program's direct dependencies, with the installed versions. */
export function neededPlugins(root: string): PulumiPlugin[] {
  const read = (file: string) => JSON.parse(readFileSync(file, "utf8")) as PackageJson;
  const names = Object.keys(read(path.join(root, "package.json")).dependencies ?? {});
  return names
    .map((name) => pluginOf(read(path.join(root, "node_modules", name, "package.json"))))
    .filter((plugin) => plugin !== undefined);
}
