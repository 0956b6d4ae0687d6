/** How people come in. One application has one door, so the headers of one door mean nothing at another. */
import type { OidcSignOn } from "./oidc.ts";
import type { People } from "./roles.ts";
import type { WhoIs } from "./tailscale.ts";

export type Door =
  /** A one-time link that was printed in a terminal; on loopback. */
  | { readonly kind: "link" }
  /** Behind a proxy with TLS. */
  | { readonly kind: "oidc"; readonly signOn: OidcSignOn }
  /** A socket that only `tailscale serve` reaches. */
  | { readonly kind: "tailscale"; readonly people: People; readonly whoIs: WhoIs };
