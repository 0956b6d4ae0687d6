import { join } from "node:path";

/** Files of one sandbox, below PANTHEROS_SANDBOX_DIR. */
export interface Layout {
  readonly directory: string;
  readonly lock: string;
  readonly logs: string;
  readonly secrets: string;
  readonly passphrase: string;
  readonly vault: string;
  readonly siteDirectory: string;
  readonly site: string;
  readonly knownHosts: string;
  readonly deployKey: string;
  readonly signingKey: string;
  /** The private key with which the control centre acts for people of a role. */
  readonly operatorKey: (role: string) => string;
  readonly hostKeys: string;
  readonly vendorsPid: string;
  readonly vendorsLog: string;
}

export function layoutOf(directory: string): Layout {
  const at = (...path: string[]): string => join(directory, ...path);
  return {
    directory,
    lock: at("run", "sandbox.lock"),
    logs: at("logs"),
    secrets: at("secrets.env"),
    passphrase: at("passphrase"),
    vault: at("vault.json"),
    siteDirectory: at("site"),
    site: at("site", "site.json"),
    knownHosts: at("known_hosts"),
    deployKey: at("keys", "deploy"),
    signingKey: at("keys", "signing-key"),
    operatorKey: (role) => at("keys", "operators", role),
    hostKeys: at("keys", "hosts"),
    vendorsPid: at("run", "vendors.pid"),
    vendorsLog: at("logs", "vendors.log"),
  };
}
