/** What a provider is to the fleet. Its folder in `providers/` has an implementation. */
import type * as pulumi from "@pulumi/pulumi";
import type { CreatedHost, ExistingHost, Plan } from "../inventory/plan.ts";
import type { Settings } from "../settings/settings.ts";
import type { AdoptedMachine, CreatedMachine } from "./machine.ts";
import type { HostPower } from "./nixos-host/power.ts";

/** What each provider is given. */
export interface ProviderContext {
  readonly plan: Plan;
  readonly settings: Settings;
}

/** The answer of a vendor before the run (preflight.ts of the provider); undefined: it was not asked. */
export type PreflightAnswer = { readonly failure: string } | object | undefined;

/** The machines of one provider, ready to be declared. */
export interface Prepared<Host, Made> {
  /** Hosts whose machines are off or start in this run. */
  readonly power: ReadonlyMap<string, HostPower>;
  /** Problems that fail the verdict, each naming its host. */
  readonly problems: readonly string[];
  /**
   * Declares what the stack's machines share. The returned function declares the machine of one host.
   * @throws pulumi.RunError with all problems of the hosts, before any resource is registered
   */
  readonly declare: (hosts: readonly Host[], parent: pulumi.Resource) => (host: Host) => Made;
}

interface Provider<Host, Made> {
  /**
   * Checks the vendor's answer, and powers machines on. It must run before the first resource.
   * @throws pulumi.RunError with one line for each problem
   */
  prepare(answer: PreflightAnswer, context: ProviderContext): Promise<Prepared<Host, Made>>;
}

/** A provider of machines that the program creates (servers.ts of its folder). */
export interface ServerProvider extends Provider<CreatedHost, CreatedMachine> {
  /** Its name in messages. */
  readonly name: string;
  /** Package of its resources' types, such as `aws`. */
  readonly package: string;
  /** Address families of its machines, for DNS records. */
  readonly families: readonly ("ipv4" | "ipv6")[];
  /** Type of the component with a machine's outputs, named after the host: `ipv4`, `ipv6`, `hostKey`. */
  readonly machineType: string;
  /** Type of the resource NAME-server, which exists while the vendor's server does. */
  readonly serverType: string;
  /** What an installation needs to reach the vendor's API, beside the server's id. No secrets. */
  installSettings(host: CreatedHost): Readonly<Record<string, string>>;
  /** Files of a machine at its first boot, beside the host's secrets: name -> content. */
  bootFiles?(addresses: { readonly ipv6: string | undefined }): Readonly<Record<string, string>>;
}

/** A provider of machines that exist already (machines.ts of its folder). */
export interface AdoptingProvider extends Provider<ExistingHost, AdoptedMachine> {
  /** What is known of a machine before the run. */
  known(
    host: ExistingHost,
    context: ProviderContext,
  ): { readonly ipv4?: string; readonly ipv6?: string | undefined; readonly hostKey?: string | undefined };
}
