import { randomBytes } from "node:crypto";

export interface KeyRow {
  id: string;
  /** SHA-256 of the secret, which is shown once, at creation. */
  hash: string;
  description: string;
  created: string;
  expires: string;
  revoked: string | null;
  capabilities: {
    devices: { create: { reusable: boolean; ephemeral: boolean; preauthorized: boolean; tags: string[] } };
  };
  uses: number;
}

export interface DeviceRow {
  id: string;
  nodeId: string;
  hostname: string;
  /** Name in the tailnet: the host name, with a number when it is taken. */
  label: string;
  addresses: string[];
  authorized: boolean;
  tags: string[];
  keyExpiryDisabled: boolean;
  isEphemeral: boolean;
  created: string;
  expires: string;
  lastSeen: string;
  /** False once the machine is off; earlier states lack it. */
  connected?: boolean;
  machineKey: string;
  nodeKey: string;
}

interface DnsState {
  nameservers: string[];
  searchPaths: string[];
  magicDNS: boolean;
}

export interface State {
  nextDevice: number;
  /** The policy file as it was sent, with its comments. */
  acl: string;
  keys: Record<string, KeyRow>;
  devices: Record<string, DeviceRow>;
  dns: DnsState;
}

/** The policy of a new tailnet, which allows all connections. */
export const DEFAULT_ACL = `// Example/default ACLs for unrestricted connections.
{
	// Declare static groups of users. Use autogroups for all users or users with a specific role.
	// "groups": {
	//  	"group:example": ["alice@example.com", "bob@example.com"],
	// },

	// Define the tags which can be applied to devices and by which users.
	// "tagOwners": {
	//  	"tag:example": ["autogroup:admin"],
	// },

	// Define access control lists for users, groups, autogroups, tags,
	// Tailscale IP addresses, and subnet ranges.
	"acls": [
		// Allow all connections.
		{"action": "accept", "src": ["*"], "dst": ["*:*"]},
	],

	// Define users and devices that can use Tailscale SSH.
	"ssh": [
		{
			"action": "check",
			"src": ["autogroup:member"],
			"dst": ["autogroup:self"],
			"users": ["autogroup:nonroot", "root"],
		},
	],
}
`;

export const emptyState = (): State => ({
  nextDevice: 1,
  acl: DEFAULT_ACL,
  keys: {},
  devices: {},
  dns: { nameservers: [], searchPaths: [], magicDNS: true },
});

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Random letters and digits, as in the vendor's ids and secrets. */
export const randomWord = (length: number): string =>
  [...randomBytes(length)].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");

/** A timestamp in the vendor's form: whole seconds, `Z`. */
export const stamp = (date = new Date()): string => date.toISOString().replace(/\.\d+Z$/, "Z");
