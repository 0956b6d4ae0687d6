/** How people come into a service, from its environment: at a provider behind the web server, and over the tailnet. */
import { readFileSync } from "node:fs";
import type { Door } from "../../centre/access/door.ts";
import { OidcSignOn } from "../../centre/access/oidc.ts";
import type { People } from "../../centre/access/roles.ts";
import { askTailscaled } from "../../centre/access/tailscale.ts";
import { UsageError } from "../exit-codes.ts";

const TAILSCALED = "/var/run/tailscale/tailscaled.sock";

const listOf = (text: string | undefined): readonly string[] => (text ?? "").split(/[\s,]+/).filter(Boolean);

/**
 * The doors of a service's sockets.
 * @param names under which browsers reach it; the provider leads back to the first
 * @throws UsageError that names the variable that is missing
 */
export function serviceDoors(
  env: NodeJS.ProcessEnv,
  names: readonly string[],
  people: People,
): { readonly tailscale: Door; readonly proxy?: Door } {
  const whoIs = askTailscaled(env["PANTHEROS_TAILSCALED"] || TAILSCALED);
  const tailscale: Door = { kind: "tailscale", people, whoIs };
  const issuer = env["PANTHEROS_OIDC_ISSUER"];
  if (!issuer) return { tailscale };
  const clientId = env["PANTHEROS_OIDC_CLIENT_ID"];
  const secretFile = env["PANTHEROS_OIDC_SECRET_FILE"];
  if (!clientId)
    throw new UsageError("PANTHEROS_OIDC_CLIENT_ID: the provider's name of this centre is missing");
  if (!secretFile)
    throw new UsageError("PANTHEROS_OIDC_SECRET_FILE: a file with the client's secret is missing");
  const signOn = new OidcSignOn({
    issuer,
    clientId,
    clientSecret: readFileSync(secretFile, "utf8").trim(),
    redirect: `https://${names[0]}/sign-on/callback`,
    people,
    amr: listOf(env["PANTHEROS_OIDC_AMR"]),
    acr: listOf(env["PANTHEROS_OIDC_ACR"]),
    ...(env["PANTHEROS_OIDC_GROUPS_CLAIM"] && { groupsClaim: env["PANTHEROS_OIDC_GROUPS_CLAIM"] }),
  });
  return { tailscale, proxy: { kind: "oidc", signOn } };
}
