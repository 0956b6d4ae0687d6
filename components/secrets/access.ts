import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../../settings/settings.ts";

/**
 * Whether this run compares the hosts' secrets. A preview without the right to deploy must not read
 * them in 1Password, and hosts do not report deliveries to its probe key.
 */
export const comparesSecrets = ({ probe }: Pick<Settings, "probe">): boolean =>
  probe === "deploy" || !pulumi.runtime.isDryRun();

/** Notice of a preview that does not compare secrets. */
export const NOT_COMPARED =
  "secrets of hosts are not compared in this preview, which has no key that deploys (pantheros:probe); the next up compares them";
