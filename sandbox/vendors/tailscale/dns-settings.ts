import { isIP } from "node:net";
import { Hono } from "hono";
import { bad, readObject, strings } from "./errors.ts";
import type { Tailnet } from "./tailnet.ts";

const assertServers = (servers: string[]) => {
  const wrong = servers.find((server) => isIP(server) === 0 && !server.startsWith("https://"));
  if (wrong !== undefined) throw bad(`invalid nameserver: "${wrong}"`);
};

type Json = Record<string, unknown>;
const addresses = (value: unknown) =>
  (Array.isArray(value) ? value : []).map((each) => String((each as Json).address));
const resolvers = (servers: string[]) => servers.map((address) => ({ address }));

/** `/tailnet/{tailnet}/dns/…`: name servers, preferences, search paths, split DNS, and all of it as one. */
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

  app.get(`${base}/split-dns`, (context) => context.json(dns.splitDns));
  const setSplit = (body: Json, from: Record<string, string[]>) => {
    const next = { ...from };
    for (const [domain, value] of Object.entries(body)) {
      if (value === null) delete next[domain];
      else next[domain] = strings(body, domain);
    }
    for (const servers of Object.values(next)) assertServers(servers);
    dns.splitDns = next;
    return next;
  };
  app.put(`${base}/split-dns`, async (context) => context.json(setSplit(await readObject(context), {})));
  app.patch(`${base}/split-dns`, async (context) =>
    context.json(setSplit(await readObject(context), dns.splitDns)),
  );

  const configuration = () => ({
    nameservers: resolvers(dns.nameservers),
    splitDNS: Object.fromEntries(
      Object.entries(dns.splitDns).map(([domain, servers]) => [domain, resolvers(servers)]),
    ),
    searchPaths: dns.searchPaths,
    preferences: { overrideLocalDNS: dns.overrideLocalDNS, magicDNS: dns.magicDNS },
  });
  app.get(`${base}/configuration`, (context) => context.json(configuration()));
  app.post(`${base}/configuration`, async (context) => {
    const body = await readObject(context);
    const preferences = (body.preferences ?? {}) as Json;
    const split = Object.entries((body.splitDNS ?? {}) as Json).map(([domain, value]) => [
      domain,
      addresses(value),
    ]);
    const servers = addresses(body.nameservers);
    assertServers(servers);
    setSplit(Object.fromEntries(split) as Json, {});
    dns.nameservers = servers;
    dns.searchPaths = strings(body, "searchPaths");
    dns.magicDNS = preferences.magicDNS === true;
    dns.overrideLocalDNS = preferences.overrideLocalDNS === true;
    await tailnet.publish();
    return context.json(configuration());
  });

  return app;
}
