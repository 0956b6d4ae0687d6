import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { storedKeyPair } from "../../components/host-key.ts";
import type { CreatedMachine } from "../../components/machine.ts";
import { bootstrapUserData } from "../../components/user-data.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { idNumber } from "./account.ts";
import { type PublicAddresses, publicAddresses } from "./addresses.ts";
import { CLOSED, firewallRules } from "./firewall.ts";

export interface HetznerServerArgs {
  /** Host name: unique in the vendor's project, a valid RFC 1123 label. */
  readonly hostname: string;
  readonly stack: string;
  readonly environment: string;
  readonly serverType: pulumi.Input<string>;
  readonly location: pulumi.Input<string>;
  /** The disposable system that the installation replaces. Only used at creation. */
  readonly image: pulumi.Input<string>;
  /** Ids or names of the SSH keys that may log in as root before the installation. Only used at creation. */
  readonly sshKeys: pulumi.Input<pulumi.Input<string>[]>;
  /** Networks that may reach sshd. Empty: none. */
  readonly sshSources: readonly string[];
  /** Ports of sshd that those networks may reach; the installed system's comes first. 22 by default. */
  readonly sshPorts?: readonly number[];
  /** Networks that may reach ports 80 and 443; Cloudflare's by default. */
  readonly webSources?: readonly string[];
  /** Full DNS name that the addresses point back to. */
  readonly reverseDns?: pulumi.Input<string>;
  /** Public IPv4 address (it costs extra); true by default. */
  readonly ipv4?: boolean;
  /** Deletion protection at the vendor and in Pulumi; for production. False by default. */
  readonly protect?: boolean;
  /** Stays at the vendor, forgotten by Pulumi, when it leaves the stack without `retired: "delete"`. False by default. */
  readonly retain?: boolean;
  /**
   * Out of service: no traffic from outside, no reverse DNS. `keep` keeps its protection; `delete` removes
   * it, so that the server is deleted when it leaves the stack.
   */
  readonly retired?: "keep" | "delete" | undefined;
  /** Daily backups by the vendor (20 % of the server's price). False by default. */
  readonly backups?: boolean;
  /** Only used at creation. */
  readonly placementGroupId?: pulumi.Input<number>;
  readonly labels?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Called when an operation on the server fails. */
  readonly onError?: readonly pulumi.ErrorHook[];
  /**
   * The server has this type at the vendor, whatever the state says. A change whose answer was lost must
   * not be repeated: it would stop the server and be refused. False by default.
   */
  readonly hasType?: boolean;
}

/** Largest user data that the vendor takes. Source: Hetzner Cloud API, POST /v1/servers. */
const MAX_USER_DATA_BYTES = 32 * 1024;

/** Protection of a server and its addresses, by Pulumi and at the vendor. */
interface Protection {
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
}

/** A retired host with `decommission = "delete"` gives up both protections. */
const protectionOf = ({ protect, retain, retired }: HetznerServerArgs): Protection => ({
  protect: (protect ?? false) && retired !== "delete",
  retainOnDelete: (retain ?? false) && retired !== "delete",
});

/**
 * A server at Hetzner Cloud with its firewall, addresses, reverse DNS and host keys.
 *
 * It is created with a throw-away host key, which the installation replaces with the real one. Changes
 * of image, user data, SSH keys, location and placement group are ignored after the creation, because
 * they would destroy or stop the machine. To create a machine again on purpose, replace its server
 * resource by hand (`pulumi up --replace URN`).
 */
export class HetznerServer extends pulumi.ComponentResource implements CreatedMachine {
  /** IPv4 address, or IPv6 for a server without one; resolves when the server runs. */
  readonly address: pulumi.Output<string>;
  readonly sshPort: pulumi.Output<number>;
  /** Resolves before the server exists: addresses are resources of their own. */
  readonly ipv4: pulumi.Output<string | undefined>;
  readonly ipv6: pulumi.Output<string | undefined>;
  readonly serverId: pulumi.Output<string>;
  /** For resources that must be replaced together with the machine. */
  readonly server: pulumi.Resource;
  readonly firewallId: pulumi.Output<string>;
  /** Public part of the host key that the installation puts on the machine. */
  readonly hostKey: pulumi.Output<string>;
  /** Secret: private part of the host key. */
  readonly hostKeyPrivate: pulumi.Output<string>;
  /** Public part of the host key of the machine before installation. */
  readonly bootstrapHostKey: pulumi.Output<string>;

  constructor(name: string, args: HetznerServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pantheros:hetzner:Server", name, {}, opts);
    const protection = protectionOf(args);
    const { protect, retainOnDelete } = protection;
    const labels = {
      ...args.labels,
      "managed-by": "pantheros",
      stack: args.stack,
      host: args.hostname,
      environment: args.environment,
    };
    const hostKey = storedKeyPair(`${name}-host-key`, { parent: this, protect });
    const bootstrapKey = storedKeyPair(`${name}-bootstrap-key`, { parent: this });
    const addresses = publicAddresses(
      name,
      { location: args.location, labels, withIpv4: args.ipv4 ?? true, protect, retainOnDelete },
      this,
    );
    const firewall = this.#firewall(name, args, { labels, retainOnDelete });
    const server = this.#server(name, args, protection, {
      userData: pulumi.secret(bootstrapKey.pair.apply((key) => bootstrapUserData(key, MAX_USER_DATA_BYTES))),
      labels,
      publicNets: [addresses.publicNet],
      // Part of the creation call, so that the machine is never up without its firewall.
      firewallIds: [idNumber(firewall.id)],
    });
    this.#warnOfMove(args, server);
    this.#warnOfGroup(args, server);
    this.#reverseDns(name, args.retired === undefined ? args.reverseDns : undefined, addresses);

    const chosen = addresses.ipv4 ?? addresses.ipv6;
    this.address = pulumi.all([server.id, chosen]).apply(([, address]) => address);
    this.sshPort = pulumi.output(args.sshPorts?.[0] ?? SSH_PORT);
    this.ipv4 = pulumi.output(addresses.ipv4);
    this.ipv6 = addresses.ipv6;
    this.serverId = server.id;
    this.server = server;
    this.firewallId = firewall.id;
    this.hostKey = hostKey.publicKey;
    this.hostKeyPrivate = hostKey.privateKey;
    this.bootstrapHostKey = bootstrapKey.publicKey;
    this.registerOutputs({
      address: this.address,
      ipv4: this.ipv4,
      ipv6: this.ipv6,
      serverId: this.serverId,
      firewallId: this.firewallId,
      hostKey: this.hostKey,
      bootstrapHostKey: this.bootstrapHostKey,
    });
  }

  #firewall(
    name: string,
    { hostname, retired, sshPorts, sshSources, webSources }: HetznerServerArgs,
    { labels, retainOnDelete }: { readonly labels: Record<string, string>; readonly retainOnDelete: boolean },
  ): hcloud.Firewall {
    const rules =
      retired === undefined
        ? firewallRules({
            ssh: sshSources,
            ...(sshPorts && { sshPorts }),
            ...(webSources && { web: webSources }),
          })
        : [...CLOSED];
    return new hcloud.Firewall(
      `${name}-firewall`,
      { name: hostname, labels, rules },
      { parent: this, deleteBeforeReplace: true, retainOnDelete },
    );
  }

  #server(
    name: string,
    args: HetznerServerArgs,
    { protect, retainOnDelete }: Protection,
    made: Pick<hcloud.ServerArgs, "userData" | "labels" | "publicNets" | "firewallIds">,
  ): hcloud.Server {
    return new hcloud.Server(
      `${name}-server`,
      {
        ...made,
        name: args.hostname,
        serverType: args.serverType,
        location: args.location,
        image: args.image,
        sshKeys: args.sshKeys,
        // A type change keeps the disk: a grown disk would prevent a smaller type later.
        keepDisk: true,
        backups: args.backups ?? false,
        deleteProtection: protect,
        rebuildProtection: protect,
        ...(args.placementGroupId !== undefined && { placementGroupId: args.placementGroupId }),
      },
      {
        parent: this,
        protect,
        retainOnDelete,
        // Names are unique and an address has one server, so the old server must be deleted first.
        deleteBeforeReplace: true,
        // The vendor changes the placement group of stopped servers only: the provider's update would fail the run.
        ignoreChanges: [
          ...["image", "userData", "sshKeys", "location", "placementGroupId"],
          ...(args.hasType ? ["serverType"] : []),
        ],
        ...(args.onError && { hooks: { onError: [...args.onError] } }),
      },
    );
  }

  /** A server can't move, and replacing it would lose its disk, so the change is ignored with a warning. */
  #warnOfMove(args: HetznerServerArgs, server: hcloud.Server): void {
    pulumi.all([server.location, args.location]).apply(([actual, wanted]) => {
      if (!actual || actual === wanted) return;
      pulumi.log.warn(
        `${args.hostname} is in ${actual}; the inventory says ${wanted}. A server can't move, so this is ignored. ` +
          "To have it there, add a host with a different name, move its data, and remove this one.",
        server,
      );
    });
  }

  #warnOfGroup(args: HetznerServerArgs, server: hcloud.Server): void {
    pulumi.all([server.placementGroupId, args.placementGroupId]).apply(([actual, wanted]) => {
      // The provider gives 0 for none.
      if ((actual || undefined) === wanted) return;
      pulumi.log.warn(
        `${args.hostname} is in ${actual ? `placement group ${actual}` : "no placement group"}; the inventory says ` +
          `${wanted === undefined ? "none" : `group ${wanted}`}. Only a server that is off can change it, so this is ignored. By hand: ` +
          `hcloud server shutdown ${args.hostname}, remove-from-placement-group or add-to-placement-group, poweron; ` +
          "then pulumi refresh.",
        server,
      );
    });
  }

  #reverseDns(name: string, dnsPtr: pulumi.Input<string> | undefined, addresses: PublicAddresses): void {
    if (dnsPtr === undefined) return;
    const point = (type: string, ipAddress: pulumi.Input<string>, primaryIpId: pulumi.Input<number>) =>
      new hcloud.Rdns(
        `${name}-rdns-${type}`,
        { ipAddress, primaryIpId, dnsPtr },
        { parent: this, deleteBeforeReplace: true },
      );
    if (addresses.ipv4 && addresses.ids.ipv4) point("ipv4", addresses.ipv4, addresses.ids.ipv4);
    point("ipv6", addresses.ipv6, addresses.ids.ipv6);
  }
}
