import type * as pulumi from "@pulumi/pulumi";

/** What the rest of the program needs to know of a machine, created or adopted. */
export interface Machine {
  /** Where the first contact and recovery go. Resolves only once the machine exists. */
  readonly address: pulumi.Output<string>;
  /** Port of sshd. */
  readonly sshPort: pulumi.Output<number>;
  readonly ipv4: pulumi.Output<string | undefined>;
  readonly ipv6: pulumi.Output<string | undefined>;
  /** Public SSH host key, `type base64`, to be pinned everywhere. */
  readonly hostKey: pulumi.Output<string>;
}
