import type * as pulumi from "@pulumi/pulumi";

/** A machine, created or adopted. */
export interface Machine {
  /** Address for the first connection and recovery. Resolves only once the machine exists. */
  readonly address: pulumi.Output<string>;
  /** Port of sshd. */
  readonly sshPort: pulumi.Output<number>;
  readonly ipv4: pulumi.Output<string | undefined>;
  readonly ipv6: pulumi.Output<string | undefined>;
  /** Public SSH host key, `type base64`, that every connection pins. */
  readonly hostKey: pulumi.Output<string>;
}

/** A machine that the program creates at a provider, and on which it installs NixOS. */
export interface CreatedMachine extends Machine {
  /** The provider's id of the server. */
  readonly serverId: pulumi.Output<string>;
  /** For resources that must be replaced together with the machine. */
  readonly server: pulumi.Resource;
  /** Secret: private part of the host key, which the installation puts on the machine. */
  readonly hostKeyPrivate: pulumi.Output<string>;
  /** Public part of the host key of the machine before installation. */
  readonly bootstrapHostKey: pulumi.Output<string>;
}

/** An adopted machine. */
export interface AdoptedMachine extends Machine {
  /** The addresses in the inventory, which get DNS records. */
  readonly known: { readonly ipv4?: string; readonly ipv6?: string };
}
