import { isIP } from "node:net";
import { Hono } from "hono";
import { bad, readObject, strings } from "./errors.ts";
import type { Tailnet } from "./tailnet.ts";

const assertServers = (servers: string[]) => {
  const wrong = servers.find((server) => isIP(server) === 0 && !server.startsWith("https://"));
  if (wrong !== undefined) throw bad(`invalid nameserver: "${wrong}"`);
};

/** `/tailnet/{tailnet}/dns/…`: name servers, preferences, search paths, split DNS. */
export function dnsSettings(tailnet: Tailnet): Hono {
  const app = new Hono();
  const { dns } = tailnet.state;
  const base = "/tailnet/:tailnet/dns";

  app.get(`${base}/nameservers`, (context) => context.json({ dns: dns.nameservers }));
  app.post(`${base}/nameservers`, async (context) => {
    const servers = strings(await readObject(context), "dns");
    assertServers(servers);
    dns.nameservers = servers;
    return context.json({ dns: servers, magicDNS: dns.magicDNS });
  });

  app.get(`${base}/preferences`, (context) => context.json({ magicDNS: dns.magicDNS }));
  app.post(`${base}/preferences`, async (context) => {
    dns.magicDNS = (await readObject(context)).magicDNS === true;
    await tailnet.publish();
    return context.json({ magicDNS: dns.magicDNS });
  });

  app.get(`${base}/searchpaths`, (context) => context.json({ searchPaths: dns.searchPaths }));
  app.post(`${base}/searchpaths`, async (context) => {
    dns.searchPaths = strings(await readObject(context), "searchPaths");
    return context.json({ searchPaths: dns.searchPaths });
  });

  return app;
}
