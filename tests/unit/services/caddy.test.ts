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

interface Question {
  readonly port: number;
  readonly path?: string;
  readonly method?: string;
  readonly headers: Record<string, string>;
  /** Name in the TLS greeting; without one the request is plain HTTP. */
  readonly servername?: string;
}

/** One request to a server on loopback, which is asked under any name. */
function ask({ servername, ...question }: Question): Promise<Reply> {
  const options = { host: "127.0.0.1", ...question };
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

/** The text that the machines' Caddy gets, with certificates of its own authority, at ports of the test's own. */
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

(mayEnter ? describe : describe.skip)("Caddy as the machines have it, behind a proxy that it trusts", () => {
  let work: Work;
  let port: number;
  let admin: number;
  const servers: Server[] = [];
  let log: () => string;

  /** What the service behind Caddy was told, as it answers it. */
  const received = (reply: Reply) => JSON.parse(reply.body) as IncomingHttpHeaders;

  beforeAll(async () => {
    work = new Work();
    const service = createServer((incoming, response) => response.end(JSON.stringify(incoming.headers)));
    // As Authelia does: judges the name in X-Forwarded-Host, and says who it is. Guests may use "open" only.
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
      // Names are served before there is a certificate; the wildcard's is that of all.
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
    ask({
      port,
      method,
      servername: `${name}.example.test`,
      headers: { Host: `${name}.example.test:${port}`, ...headers },
    });

  test("a guest passes where guests may, and nowhere else", async () => {
    expect((await at("open")).status).toBe(200);
    expect((await at("closed")).status).toBe(403);
  });

  test.each(["X-Forwarded-Host", "x-forwarded-host", "X-Original-Host"])(
    "naming another service in %s does not open this one",
    async (header) => {
      const reply = await at("closed", { [header]: `open.example.test:${port}` });
      expect(reply.status).toBe(403);
    },
  );

  test("what a visitor writes about host, protocol, address and name reaches no service", async () => {
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
      // The proxy's own word about the visitor.
      "CF-Connecting-IP": "203.0.113.9",
    };
    for (const name of ["open", "cache"]) {
      const told = received(await at(name, lies));
      expect(told["x-forwarded-host"]).toBe(`${name}.example.test:${port}`);
      expect(told["x-forwarded-proto"]).toBe("https");
      expect(told["x-forwarded-for"]).toBe("203.0.113.9, 127.0.0.1");
      expect(told["remote-user"]).toBe(name === "open" ? "guest" : undefined);
      const rest = JSON.stringify({ ...told, "x-forwarded-host": "", "cf-connecting-ip": "" });
      expect(rest).not.toMatch(/evil|192\.0\.2\.66|admin|X-Original/);
    }
  });

  test("an address that the visitor put before the proxy's is not taken for theirs", async () => {
    const told = received(await at("cache", { "X-Forwarded-For": "192.0.2.66, 203.0.113.9" }));
    expect(told["x-forwarded-for"]).toBe("203.0.113.9, 127.0.0.1");
  });

  test("the panel of the cache's hit rate counts what Caddy writes of its requests, and nothing else", async () => {
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

  test("what strangers send makes no series of metrics", async () => {
    const series = async () => {
      const { body } = await ask({
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

  test("the agent's probe sees the certificate that Caddy serves for each name, and takes no other for it", async () => {
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
    const asked = async (name: string) =>
      (await ask({ port: probe, path: `/probe?module=${name}&target=127.0.0.1:${port}`, headers: {} })).body;
    const served = await asked("cache.example.test");
    expect(served).toMatch(/^probe_success 1$/m);
    // Caddy's own authority gives half a day.
    const ends = Number(/^probe_ssl_earliest_cert_expiry (\S+)$/m.exec(served)?.[1]);
    expect(ends).toBeGreaterThan(Date.now() / 1000);
    expect(ends).toBeLessThan(Date.now() / 1000 + 86400);
    expect(await asked("absent.example.org")).toMatch(/^probe_success 0$/m);
  });

  test("a configuration with a directive that Caddy does not know is refused", () => {
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
