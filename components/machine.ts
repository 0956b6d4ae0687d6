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
