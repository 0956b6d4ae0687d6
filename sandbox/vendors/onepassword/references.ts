import { messageOf } from "../../../lib/message-of.ts";
import { fieldValue, findItem, findVault, OpError } from "./items.ts";
import { parseReference } from "./seed.ts";
import type { VaultFile } from "./vault-file.ts";

/** The value of a secret reference. Query parameters such as `?attribute=otp` are not supported. */
export function readReference(file: VaultFile, reference: string): string {
  try {
    const { vault, item, section, field } = parseReference(reference);
    const where = findVault(file, vault);
    try {
      return fieldValue(findItem(file, item, vault).item, vault, section, field);
    } catch (error) {
      if (error instanceof OpError && error.message.includes("isn't an item")) {
        throw new OpError(`could not get item ${where.name}/${item}: ${error.message}`);
      }
      throw error;
    }
  } catch (error) {
    throw new OpError(`could not read secret '${reference}': ${messageOf(error)}`);
  }
}
