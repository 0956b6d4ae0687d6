import { readReference } from "./references.ts";
import { changeVault, hashToken, readVault, type VaultFile } from "./vault-file.ts";

/** The account as a service account's token sees it: only with the vaults that it may read. */
export function readAs(path: string, token: string): VaultFile {
  const file = readVault(path);
  const vaults = file.serviceAccounts.find(({ sha256 }) => sha256 === hashToken(token))?.vaults;
  return vaults === undefined
    ? file
    : { ...file, vaults: file.vaults.filter(({ name }) => vaults.includes(name)) };
}

/** Creates a service account for each host's token, which may read the given vaults only. */
export function grantHosts(
  path: string,
  tokens: readonly {
    readonly host: string;
    readonly reference: string;
    readonly vaults: readonly string[];
  }[],
): void {
  changeVault(path, (file) => {
    for (const { host, reference, vaults } of tokens) {
      const sha256 = hashToken(readReference(file, reference));
      const others = file.serviceAccounts.filter((account) => account.sha256 !== sha256);
      file.serviceAccounts = [...others, { name: host, sha256, vaults: [...vaults] }];
    }
  });
}
