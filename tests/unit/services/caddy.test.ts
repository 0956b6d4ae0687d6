import { createServer, type IncomingHttpHeaders, request, type Server } from "node:http";
import { request as secureRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { evaluate } from "../nix/nix.ts";
import { until } from "../programs.ts";
import { labeller, pipelinesOf, selects } from "./journal.ts";
import { mayEnter, Work } from "./root.ts";
import { freePort } from "./texts.ts";

interface Site {
  readonly upstream: string;
  readonly forwardAuth: string | null;
}

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

interface Reply {
  readonly status: number | undefined;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

interface Query {
  readonly port: number;
  readonly path?: string;
  readonly method?: string;
  readonly headers: Record<string, string>;
  /** The TLS server name; without one the request is plain HTTP. */
  readonly servername?: string;
}

/** Sends one request to a server on loopback, under any name. */
function send({ servername, ...query }: Query): Promise<Reply> {
  const options = { host: "127.0.0.1", ...query };
  return new Promise((resolve, reject) => {
    const sent =
      servername === undefined
        ? request(options)
        : secureRequest({ ...options, servername, rejectUnauthorized: false });
    sent.once("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        body += part;
      });
      response.on("end", () => resolve({ status: response.statusCode, body, headers: response.headers }));
    });
    sent.once("error", reject).end();
  });
}

/** The Caddyfile of the machines, with Caddy's local certificate authority and the test's ports. */
function caddyfile(sites: Readonly<Record<string, Site>>, port: number, admin: number): string {
  const { globals, headers, texts } = evaluate(
    `let caddy = import (nix + "/lib/caddy.nix"); in {
      globals = caddy.globals { trustedProxies = ["127.0.0.1/32"]; };
      headers = caddy.headers { hstsSeconds = 60; contentSecurityPolicy = "object-src 'none'"; };
      texts = builtins.mapAttrs (_: caddy.site) (builtins.fromJSON ${JSON.stringify(JSON.stringify(sites))});
    }`,
  ) as { globals: string; headers: string; texts: Record<string, string> };
  const blocks = Object.entries(texts).map(
    ([name, text]) => `https://${name}:${port} {\ntls internal\nlog {\noutput stdout\n}\n${text}\n}\n`,
  );
  const others = `https://*.example.test:${port} {\ntls internal\nrespond 404\n}\n`;
  const own = `admin 127.0.0.1:${admin}\nauto_https disable_redirects\nskip_install_trust\nstorage file_system /work/caddy`;
  return [`{\n${own}\n${globals}\n}\n`, headers, ...blocks, others].join("\n");
}

(mayEnter ? describe : describe.skip)("Caddy as on the machines, behind a trusted proxy", () => {
  let work: Work;
  let port: number;
  let admin: number;
  const servers: Server[] = [];
  let log: () => string;

  /** The headers that the service behind Caddy received; it answers with them. */
  const received = (reply: Reply) => JSON.parse(reply.body) as IncomingHttpHeaders;

  beforeAll(async () => {
    work = new Work();
    const service = createServer((incoming, response) => response.end(JSON.stringify(incoming.headers)));
    // As Authelia does: allows by the name in X-Forwarded-Host and answers the user. Guests may use
    // "open" only.
    const signOn = createServer((incoming, response) => {
      const may = incoming.headers["x-forwarded-host"] === `open.example.test:${port}`;
      response.writeHead(may ? 200 : 403, { "Remote-User": "guest" }).end();
    });
    servers.push(service, signOn);
    const upstream = `127.0.0.1:${await listening(service)}`;
    const forwardAuth = `127.0.0.1:${await listening(signOn)}`;
    port = await freePort();
    admin = await freePort();
    work.write(
      "Caddyfile",
      caddyfile(
        {
          "open.example.test": { upstream, forwardAuth },
          "closed.example.test": { upstream, forwardAuth },
          "cache.example.test": { upstream, forwardAuth: null },
        },
        port,
        admin,
      ),
    );
    log = await work.startUntil(
      ["caddy", "run", "--config", "/work/Caddyfile", "--adapter", "caddyfile"],
      // Caddy serves names before it has a certificate; all names use the wildcard's.
      (output) =>
        output.includes("serving initial configuration") &&
        /certificate obtained successfully.*"\*\.example\.test"/.test(output),
    );
  });

  afterAll(async () => {
    for (const server of servers) server.closeAllConnections();
    for (const server of servers) server.close();
    await work.remove();
  });

  const at = (name: string, headers: Record<string, string> = {}, method = "GET") =>
    send({
      port,
      method,
      servername: `${name}.example.test`,
      headers: { Host: `${name}.example.test:${port}`, ...headers },
    });

  test("a guest reaches only the service that guests may use", async () => {
    expect((await at("open")).status).toBe(200);
    expect((await at("closed")).status).toBe(403);
  });

  test.each(["X-Forwarded-Host", "x-forwarded-host", "X_Forwarded_Host", "X-Original-Host"])(
    "a different service's name in %s gives no access to this one",
    async (header) => {
      const reply = await at("closed", { [header]: `open.example.test:${port}` });
      expect(reply.status).toBe(403);
      // A header that Connection names is for the next server only; it must not hide Caddy's own.
      const hidden = { [header]: `open.example.test:${port}`, Connection: `close, ${header}, Remote-User` };
      expect((await at("closed", hidden)).status).toBe(403);
    },
  );

  test.each([
    "Remote_User",
    "REMOTE_GROUPS",
    "X_Forwarded_User",
    "X-Remote-User",
    "X-WEBAUTH-USER",
    "X-Auth-Request-Email",
    "X-Authenticated-User",
    "X-Authentik-Username",
    "Tailscale-User-Login",
    "Cf-Access-Authenticated-User-Email",
    "X-Forwarded",
    "Forwarded-For",
    "True-Client-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Real-Ip",
    "X-Original-Url",
    "X-Rewrite-Url",
    "X-SSL-Client-S-DN",
  ])("a user or an address that a visitor claims in %s reaches no service", async (header) => {
    for (const name of ["open", "cache"])
      expect(received(await at(name, { [header]: "admin" }))).not.toHaveProperty(header.toLowerCase());
  });

  test("headers of the application itself reach it", async () => {
    const own = { Authorization: "Bearer x", "X-Auth-Token": "y", "X-Requested-With": "z", Cookie: "a=b" };
    const lower = Object.fromEntries(Object.entries(own).map(([name, value]) => [name.toLowerCase(), value]));
    expect(received(await at("cache", own))).toMatchObject(lower);
  });

  test("the address in CF-Connecting-IP is the one that Caddy uses", async () => {
    const headers = received(await at("cache", { "X-Forwarded-For": "198.51.100.9" }));
    expect(headers["cf-connecting-ip"]).toBe("198.51.100.9");
  });

  test("a visitor's own headers for host, protocol, address and user reach no service", async () => {
    const lies = {
      "X-Forwarded-Host": "evil.example.test",
      "X-Forwarded-Proto": "http",
      "X-Forwarded-For": "192.0.2.66",
      "X-Forwarded-Port": "1",
      "X-Forwarded-User": "admin",
      "X-Real-IP": "192.0.2.66",
      Forwarded: "for=192.0.2.66;host=evil.example.test",
      "X-Original-URL": "https://open.example.test/",
      "Remote-User": "admin",
      "Remote-Groups": "admins",
      "Remote-Anything": "admins",
      // The address that the trusted proxy reports.
      "CF-Connecting-IP": "203.0.113.9",
    };
    for (const name of ["open", "cache"]) {
      const headers = received(await at(name, lies));
      expect(headers["x-forwarded-host"]).toBe(`${name}.example.test:${port}`);
      expect(headers["x-forwarded-proto"]).toBe("https");
      expect(headers["x-forwarded-for"]).toBe("203.0.113.9, 127.0.0.1");
      expect(headers["remote-user"]).toBe(name === "open" ? "guest" : undefined);
      const rest = JSON.stringify({ ...headers, "x-forwarded-host": "", "cf-connecting-ip": "" });
      expect(rest).not.toMatch(/evil|192\.0\.2\.66|admin|X-Original/);
    }
  });

  test("an address that the visitor puts into X-Forwarded-For is ignored", async () => {
    const headers = received(await at("cache", { "X-Forwarded-For": "192.0.2.66, 203.0.113.9" }));
    expect(headers["x-forwarded-for"]).toBe("203.0.113.9, 127.0.0.1");
  });

  test("the panel of the cache's hit rate counts the log lines of the cache's requests only", async () => {
    await at("cache");
    await at("open");
    await at("cache", {}, "POST");
    const [panel] = (
      evaluate(
        'import (nix + "/modules/services/monitoring/dashboards.nix") { cacheName = "cache.example.test:PORT"; }',
      ) as { overview: { panels: { title: string; targets: { expr: string }[] }[] } }
    ).overview.panels.filter(({ title }) => title.startsWith("Cache hit rate"));
    const [hits = "", all = ""] = pipelinesOf(
      (panel?.targets[0]?.expr ?? "").replaceAll("PORT", String(port)),
    );
    const labels = labeller("gateway")({ _systemd_unit: "caddy.service", priority: "6" });
    const counted = (pipeline: string, method: string) =>
      log()
        .split("\n")
        .filter((line) => line.includes(`"method":"${method}"`) && selects(pipeline, labels, line)).length;
    await until(() => log().includes('"method":"POST"'));
    expect(counted(hits, "GET")).toBeGreaterThan(0);
    expect(counted(all, "GET")).toBe(counted(hits, "GET"));
    expect(counted(hits, "POST")).toBe(0);
    const others = log()
      .split("\n")
      .filter((line) => line.includes('"host":"open.example.test') && selects(hits, labels, line));
    expect(others).toEqual([]);
  });

  test("requests with unknown names and methods create no metric series", async () => {
    const series = async () => {
      const { body } = await send({
        port: admin,
        path: "/metrics",
        headers: { Host: `127.0.0.1:${admin}` },
      });
      const lines = body.split("\n").filter((line) => line.startsWith("caddy_http_"));
      expect(lines.length).toBeGreaterThan(10);
      return lines.length;
    };
    const strange = (index: number) =>
      Promise.all([
        at(`s${index}`),
        at("cache", { Host: `s${index}.example.test` }),
        at("cache", { Host: `cache.example.test:${index + 1}` }),
        at("cache", {}, index % 2 === 0 ? "PROPFIND" : "LOCK"),
      ]);
    await strange(0);
    await strange(1);
    const before = await series();
    for (let index = 2; index < 60; index += 1) await strange(index);
    expect(await series()).toBe(before);
  });

  test("the agent's probe reads the certificate of each name, and fails for a name that Caddy does not serve", async () => {
    const names = ["cache.example.test", "absent.example.org"];
    const modules = evaluate(
      `(import (nix + "/lib/alloy.nix")).certificateModules ${JSON.stringify(names).replace(",", " ")}`,
    );
    work.write("blackbox.json", JSON.stringify({ modules }));
    const probe = await freePort();
    await work.startUntil(
      [
        "env",
        "SSL_CERT_FILE=/work/caddy/pki/authorities/local/root.crt",
        "prometheus-blackbox-exporter",
        "--config.file=/work/blackbox.json",
        `--web.listen-address=127.0.0.1:${probe}`,
      ],
      (output) => output.includes("Listening on"),
    );
    const probed = async (name: string) =>
      (await send({ port: probe, path: `/probe?module=${name}&target=127.0.0.1:${port}`, headers: {} })).body;
    const served = await probed("cache.example.test");
    expect(served).toMatch(/^probe_success 1$/m);
    // Certificates of Caddy's local authority are valid for half a day.
    const ends = Number(/^probe_ssl_earliest_cert_expiry (\S+)$/m.exec(served)?.[1]);
    expect(ends).toBeGreaterThan(Date.now() / 1000);
    expect(ends).toBeLessThan(Date.now() / 1000 + 86400);
    expect(await probed("absent.example.org")).toMatch(/^probe_success 0$/m);
  });

  test("a configuration with an unknown directive is refused", () => {
    const text = caddyfile({ "x.example.test": { upstream: "127.0.0.1:1", forwardAuth: null } }, 1, 2);
    const validate = (content: string) => {
      work.write("Other", content);
      return work.run(["caddy", "validate", "--config", "/work/Other", "--adapter", "caddyfile"]);
    };
    expect(validate(text)).toMatchObject({ code: 0 });
    const planted = validate(text.replace("reverse_proxy", "reverse_proxi"));
    expect(planted.code).not.toBe(0);
    expect(planted.stderr).toContain("reverse_proxi");
  });
});
