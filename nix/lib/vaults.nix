# Which vaults of 1Password a host may name: a service account reads whole vaults, so a secret of the program's vault on
# a host would need an account that reads all of it. inventory/vaults.ts checks the same for the inventory. Pure.
let
  inherit (builtins) attrValues elemAt filter genList head isString match replaceStrings split stringLength substring;
  letters = text: genList (at: substring at 1 text) (stringLength text);
  # 1Password ignores case in names.
  lower = replaceStrings (letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ") (letters "abcdefghijklmnopqrstuvwxyz");
  vaultOf = reference: elemAt (filter isString (split "/" reference)) 2;
  same = a: b: lower a == lower b;
in {
  # Why the host must not read a reference (op://VAULT/ITEM/FIELD), or null.
  problem = {
    fleet,
    host,
  }: reference: let
    vault = vaultOf reference;
    own = same vault (vaultOf host.secretsItem);
    others = filter (other: same vault (vaultOf other.secretsItem)) (attrValues fleet.hosts);
  in
    if own
    then null
    else if same vault fleet.vault
    then "the vault \"${vault}\" is the program's: a service account that reads it reads the vendors' tokens too; move the secret to \"${vaultOf host.secretsItem}\""
    else if match "[a-z0-9]{26}" vault != null
    then "\"${vault}\" is a vault's id: use its name, so that equal vaults are recognised"
    else if others != []
    then "the vault \"${vault}\" is that of ${(head others).name}: a service account that reads it reads all of that host's secrets; move the secret to \"${vaultOf host.secretsItem}\""
    else null;
}
