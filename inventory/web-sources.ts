/** Networks that may reach the web servers of hosts. */
import type { Plan } from "./plan.ts";

/**
 * Networks that may reach ports 80 and 443 of a host: none if it serves no public name, all if one of
 * its names does not go through Cloudflare (the cache never does), else Cloudflare's proxies
 * (undefined). The host's own firewall has the same rule (nix/lib/registry.nix).
 */
export function webSourcesOf(host: string, { inventory, settings, services }: Plan): string[] | undefined {
  const served = services
    .filter((service) => service.public && service.protocol === "http")
    .filter((service) => (settings.gateway ?? service.host) === host)
    .map((service) => service.proxied ?? true);
  const proxied = inventory.cache.host === host ? [...served, false] : served;
  if (proxied.length === 0) return [];
  return proxied.includes(false) ? ["0.0.0.0/0", "::/0"] : undefined;
}
