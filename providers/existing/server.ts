import { isIP, isIPv4, isIPv6 } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import type { AdoptedMachine } from "../../components/machine.ts";
import { canonicalAddress, ONE_MACHINE_REMEDY } from "../../inventory/machine-checks.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { collisions } from "../../inventory/problems.ts";
import { messageOf } from "../../lib/message-of.ts";
import { parseSshPublicKey } from "../../lib/ssh-public-key.ts";

/** A machine that exists already: at another vendor, at home, a laptop. */
export interface ExistingServerArgs {
  /** Host name in the inventory. */
  readonly hostname: string;
  /** Address or resolvable name (such as the tailnet name) for the first connection and recovery. */
  readonly address: string | undefined;
  /** Further IPv6 address to publish. */
  readonly ipv6?: string | undefined;
  /** Port of sshd; 22 by default. */
  readonly sshPort?: number;
  /** Public host key, `type base64`, copied from the machine's console or over a trusted path. */
  readonly hostKey: string | undefined;
  /** Why the file's lines for the machine give no key; absent when the file has no line for it. */
  readonly pinProblem?: string | undefined;
  /** A warning about more keys for the machine in the file. */
  readonly pinWarning?: string | undefined;
  /** File that pins host keys, for messages. */
  readonly knownHostsFile: string;
}

const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** Looks like a host name but is a wrong IPv4 address: `192.0.2.300` must not be looked up in the DNS. */
const DOTTED_DECIMAL = /^[\d.]+$/;

/** Problems of one machine to adopt; each line names the host, the key and the remedy. */
export function existingServerProblems(args: ExistingServerArgs): string[] {
  const where = `hosts.${args.hostname}`;
  const problems: string[] = [];
  const { address, ipv6, hostKey, sshPort = SSH_PORT } = args;
  if (address === undefined || address === "") {
    problems.push(
      `${where}.provider.address: no address to adopt the machine by; set it in the inventory, or in the stack's ` +
        `configuration: pulumi config set --path 'pantheros:addresses.${args.hostname}' ADDRESS`,
    );
  } else if (!isIP(address) && (DOTTED_DECIMAL.test(address) || !HOSTNAME.test(address))) {
    problems.push(
      `${where}.provider.address: "${address}" is neither an IP address nor a host name; correct it`,
    );
  }
  if (ipv6 !== undefined && !isIPv6(ipv6)) {
    problems.push(`${where}.provider.ipv6: "${ipv6}" is not an IPv6 address; correct it`);
  }
  if (!Number.isInteger(sshPort) || sshPort < 1 || sshPort > 65535) {
    problems.push(`${where}.provider.ssh_port: ${sshPort} is not a port; use 1 to 65535`);
  }
  const pin = `${address || "ADDRESS"} in ${args.knownHostsFile}`;
  if (hostKey === undefined) {
    const why = args.pinProblem === undefined ? "" : ` (${args.pinProblem})`;
    problems.push(
      `${where}: no host key is pinned for ${pin}${why}; on the machine's console run ` +
        "`cat /etc/ssh/ssh_host_ed25519_key.pub` and add that line there, with the address before it",
    );
  } else {
    try {
      parseSshPublicKey(hostKey);
    } catch (error) {
      problems.push(
        `${where}: the host key pinned for ${pin} is ${messageOf(error)}; copy it again from the machine's console`,
      );
    }
  }
  return problems;
}

/** Problems with machines that two hosts adopt: both have the same address or the same pinned key. */
export function samePinProblems(all: readonly ExistingServerArgs[]): string[] {
  const at = ({ address, sshPort = SSH_PORT }: ExistingServerArgs) =>
    address === undefined || address === "" ? undefined : `${canonicalAddress(address)} port ${sshPort}`;
  const byAddress = collisions(all, at).map(
    ([a, b, where]) =>
      `hosts.${b.hostname}.provider.address: ${where} is also the address of hosts.${a.hostname}; ${ONE_MACHINE_REMEDY}`,
  );
  const byKey = collisions(all, ({ hostKey }) => hostKey?.trim().split(/\s+/).slice(0, 2).join(" ")).map(
    ([a, b]) =>
      `hosts.${b.hostname}: the host key pinned for ${b.address} in ${b.knownHostsFile} is also that of hosts.${a.hostname}; ` +
      `${ONE_MACHINE_REMEDY}, or create new host keys on the copy`,
  );
  return [...byAddress, ...byKey];
}

/**
 * Adopts a machine by its address and its pinned host key. It owns nothing at a vendor: removing it
 * leaves the machine running.
 * @throws pulumi.RunError with all problems, before any connection is made.
 */
export class ExistingServer extends pulumi.ComponentResource implements AdoptedMachine {
  readonly address: pulumi.Output<string>;
  readonly sshPort: pulumi.Output<number>;
  /** Undefined for a machine that is addressed by name or by IPv6 only. */
  readonly ipv4: pulumi.Output<string | undefined>;
  readonly ipv6: pulumi.Output<string | undefined>;
  readonly hostKey: pulumi.Output<string>;
  readonly known: { readonly ipv4?: string; readonly ipv6?: string };

  constructor(name: string, args: ExistingServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:hosts:Existing", name, {}, opts);
    const problems = existingServerProblems(args);
    if (problems.length > 0) throw new pulumi.RunError(problems.join("\n"));
    const address = args.address as string;
    this.address = pulumi.output(address);
    this.sshPort = pulumi.output(args.sshPort ?? SSH_PORT);
    const ipv6 = args.ipv6 ?? (isIPv6(address) ? address : undefined);
    this.known = { ...(isIPv4(address) && { ipv4: address }), ...(ipv6 !== undefined && { ipv6 }) };
    this.ipv4 = pulumi.output(this.known.ipv4);
    this.ipv6 = pulumi.output(ipv6);
    this.hostKey = pulumi.output(parseSshPublicKey(args.hostKey as string).line);
    this.registerOutputs({
      address: this.address,
      sshPort: this.sshPort,
      ipv4: this.ipv4,
      ipv6: this.ipv6,
      hostKey: this.hostKey,
    });
  }
}
