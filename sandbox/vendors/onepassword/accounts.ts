import { readReference } from "./references.ts";
import { changeVault, hashToken } from "./vault-file.ts";

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
