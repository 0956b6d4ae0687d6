import * as pulumi from "@pulumi/pulumi";
import type { CreatedHost, Plan } from "../../inventory/plan.ts";
import { SSH_PORT } from "../../inventory/primitives.ts";
import { changedLimits } from "../../inventory/seconds.ts";
import { isReachedPublicly, openSshPorts, sshSourcesOf } from "../../inventory/ssh.ts";
import { recoverWith, unlessFailed } from "../failures.ts";
import type { NixosHostArgs } from "../nixos-host/nixos-host.ts";
import type { ProviderContext } from "../provider.ts";
import type { HostSecret } from "../secrets/secrets.ts";
import { type Providers, serverProvider } from "./providers.ts";

/** Name, on the host, of the tailnet key; the machine has it at its first boot. */
export const TAILNET_KEY_NAME = "tailscale-auth-key";

/** Values of an installation that are known only while the fleet is declared. */
interface Given {
  readonly secrets: readonly HostSecret[];
  readonly providers: Providers;
  readonly ipv6: pulumi.Output<string | undefined>;
}

/**
 * Networks to which the installation opens port 22, on which a created machine listens; undefined
 * when the provider's firewall leaves it open.
 */
function allowedSources({ inventory }: Plan, host: CreatedHost): string[] | undefined {
  const sources = sshSourcesOf(inventory, host);
  const ports = openSshPorts(inventory, host);
  const open = isReachedPublicly(inventory, host) && sources.length > 0 && ports.includes(SSH_PORT);
  return open ? undefined : sources;
}

/** Arguments of a created host's installation that come from the inventory. */
export function installArgs(
  host: CreatedHost,
  { plan, settings }: ProviderContext,
  { secrets, providers, ipv6 }: Given,
): Pick<NonNullable<NixosHostArgs["install"]>, "provider" | "missing" | "reinstall" | "secrets" | "seconds"> {
  const { name } = host;
  const { kind, reinstall } = host.provider;
  const provider = serverProvider(providers, host);
  const sources = allowedSources(plan, host);
  const { connect, build, install } = plan.inventory.deploy.seconds;
  // All secrets, so that no service waits for a delivery at the first boot. The delivery reports those that can't be read.
  const own = secrets.filter((secret) => secret.host === name && secret.read);
  const early = own.map((secret) =>
    unlessFailed(secret.value).apply((value) => [secret.name, value] as const),
  );
  // Without its tailnet key, an installed machine would never join the tailnet, over which later
  // deploys reach it.
  const key = own.find((secret) => secret.name === TAILNET_KEY_NAME);
  return {
    provider: {
      kind,
      stack: settings.stack,
      settings: provider.installSettings(host),
      ...(sources !== undefined && { allowedSources: sources }),
    },
    reinstall,
    secrets: pulumi.all([pulumi.all(early), ipv6]).apply(([known, address]) => ({
      ...provider.bootFiles?.({ ipv6: address }),
      ...Object.fromEntries(
        known.flatMap(([secret, value]) => (value === undefined ? [] : [[secret, value]])),
      ),
    })),
    ...(key !== undefined && {
      missing: recoverWith(
        pulumi.output(key.value).apply(() => undefined),
        (reason) => reason,
      ),
    }),
    seconds: changedLimits({ connect, build, ...install }),
  };
}
