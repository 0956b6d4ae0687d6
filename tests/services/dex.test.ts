import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate } from "../unit/nix/nix.ts";
import { freePort } from "../unit/services/texts.ts";
import { program, untilReady } from "./programs.ts";

jest.setTimeout(600_000);

interface Settings {
  readonly issuer: string;
  readonly web: { readonly http: string };
  readonly connectors: readonly { readonly config: Readonly<Record<string, unknown>> }[];
  readonly [key: string]: unknown;
}

/** `services.dex.settings` of the host that runs it. */
const settings = evaluate(`(import (nix + "/../tests/unit/nix/one-module.nix") {
  inherit nix;
  module = nix + "/modules/services/sso/dex.nix";
  config.pantheros = {
    secrets.dex-environment.path = "/run/secrets/dex-environment";
    services.dex = {
      enable = true;
      listen = "127.0.0.1";
      port = 5556;
      clients = [{ id = "notes"; name = "Notes"; redirectURIs = ["https://notes.example.test/callback"]; }];
    };
    services.lldap = { enable = true; ldapPort = 3890; baseDn = "dc=example,dc=test"; reader = "sign-on"; };
  };
  args.registry.nameFor = _: "dex.example.test";
}).services.dex.settings`) as Settings;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-dex-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Starts Dex without the database. `ended`: its exit code. */
async function serve(given: Settings) {
  const [web, telemetry] = [await freePort(), await freePort()];
  const file = join(directory, "dex.yaml");
  const here = {
    ...given,
    storage: { type: "memory" },
    web: { http: `127.0.0.1:${web}` },
    telemetry: { http: `127.0.0.1:${telemetry}` },
  };
  writeFileSync(file, JSON.stringify(here));
  const child = spawn(program("dex"), ["serve", file], {
    env: { LLDAP_READER_PASSWORD: "one", DEX_CLIENT_NOTES: "two" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  return { child, url: `http://127.0.0.1:${web}`, output: () => output };
}

test("Dex starts with the settings, and serves its issuer and the directory's sign-on", async () => {
  const { child, url, output } = await serve(settings);
  try {
    await untilReady(
      child,
      output,
      async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok === true,
    );
    const discovery = await fetch(`${url}/.well-known/openid-configuration`);
    expect(await discovery.json()).toMatchObject({ issuer: "https://dex.example.test" });
    const query = new URLSearchParams({
      client_id: "notes",
      redirect_uri: "https://notes.example.test/callback",
      response_type: "code",
      scope: "openid",
    });
    const page = await fetch(`${url}/auth?${query}`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('name="password"')]);
  } finally {
    child.kill();
  }
});

test("Dex refuses a planted error", async () => {
  const [connector] = settings.connectors;
  const { groupSearch: _, userSearch: __, ...config } = connector?.config ?? {};
  const { child, output } = await serve({ ...settings, connectors: [{ ...connector, config }] });
  try {
    await once(child, "close");
    expect([child.exitCode, output()]).toEqual([expect.any(Number), expect.stringContaining("userSearch")]);
    expect(child.exitCode).not.toBe(0);
  } finally {
    child.kill();
  }
});
