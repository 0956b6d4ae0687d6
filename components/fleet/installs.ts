import * as pulumi from "@pulumi/pulumi";
import { HETZNER_ENDPOINT } from "../../clients/hetzner/api.ts";
import { isHetzner, type Plan } from "../../inventory/plan.ts";
import { changedLimits } from "../../inventory/seconds.ts";
import type { Settings } from "../../settings/settings.ts";
import { recoverWith, unlessFailed } from "../failures.ts";
import { hetznerInstallArgs } from "../hetzner-server/mapping.ts";
import type { NixosHostArgs } from "../nixos-host/nixos-host.ts";
import type { HostSecret } from "../secrets/secrets.ts";

/** Name, on the host, of the tailnet key; the machine has it at its first boot. */
export const TAILNET_KEY_NAME = "tailscale-auth-key";

/** Name, on the host, of the server's IPv6 ADDRESS/PREFIX, which Hetzner announces nowhere (nix/lib/uplink.nix). */
export const UPLINK_ADDRESS = "uplink-address";

/** Arguments of a created host's installation that come from the inventory. */
export function installArgs(
  plan: Plan,
  settings: Settings,
  name: string,
  given: { readonly secrets: readonly HostSecret[]; readonly ipv6: pulumi.Output<string | undefined> },
): Pick<NonNullable<NixosHostArgs["install"]>, "hetzner" | "missing" | "reinstall" | "secrets" | "seconds"> {
  const host = plan.hosts.filter(isHetzner).find((each) => each.name === name);
  if (host === undefined) return {};
  const endpoint = new pulumi.Config("hcloud").get("endpoint") ?? HETZNER_ENDPOINT;
  const { connect, build, install } = plan.inventory.deploy.seconds;
  // All secrets, so that no service waits for a delivery at the first boot. The delivery reports those that can't be read.
  const own = given.secrets.filter((secret) => secret.host === name && secret.read);
  const early = own.map((secret) =>
    unlessFailed(secret.value).apply((value) => [secret.name, value] as const),
  );
  // Without its tailnet key, an installed machine would never join the tailnet, over which later
  // deploys reach it.
  const key = own.find((secret) => secret.name === TAILNET_KEY_NAME);
  return {
    hetzner: hetznerInstallArgs(host, plan, settings.stack, endpoint),
    reinstall: host.provider.reinstall,
    secrets: pulumi.all([pulumi.all(early), given.ipv6]).apply(([known, ipv6]) => ({
      ...(ipv6 !== undefined && { [UPLINK_ADDRESS]: `${ipv6}/64\n` }),
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
