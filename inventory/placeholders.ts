/** Values of the repository's own inventory that an owner replaces. */
import { BlockList, isIP } from "node:net";

/** Public keys without a private half, `TYPE BASE64`. */
export const PLACEHOLDER_KEYS: readonly string[] = [
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICWmaRD5g1OljhtGiF7vrRJUIHbKmwCivaLYWgWmmPw9",
];

const DOCUMENTATION = new BlockList();
for (const network of ["192.0.2.0", "198.51.100.0", "203.0.113.0"])
  DOCUMENTATION.addSubnet(network, 24, "ipv4");
DOCUMENTATION.addSubnet("2001:db8::", 32, "ipv6");

/** Whether no machine can have the address, because it is for documentation (RFC 5737, RFC 3849). */
export const isDocumentationAddress = (address: string): boolean =>
  isIP(address) !== 0 && DOCUMENTATION.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
