/** The NixOS module of the control centre, evaluated by itself. */
import { readFileSync } from "node:fs";
import { evaluate } from "./nix.ts";

interface Found {
  readonly service: {
    readonly serviceConfig: Readonly<Record<string, unknown>>;
    readonly environment: object;
  };
  readonly sockets: Readonly<Record<string, { readonly socketConfig: Readonly<Record<string, unknown>> }>>;
  readonly rules: readonly string[];
  readonly checks: readonly { readonly target: string }[];
  readonly secrets: object;
  readonly clients: readonly object[];
  readonly refused: readonly string[];
}

const evaluated = (
  given: { bundle?: string; tailscale?: boolean; caddy?: boolean; deployment?: boolean } = {},
) => {
  const { bundle = "/store/centre", tailscale = true, caddy = true, deployment = true } = given;
  return evaluate(`let set = import (nix + "/../tests/unit/nix/one-module.nix") {
    inherit nix;
    module = nix + "/modules/services/control-centre.nix";
    args = {
      host = { name = "cloud"; environment = "homelab"; services.centre = { public = true; fqdn = "centre.example.test"; }; };
      registry = { hosts.cloud.modules.control-centre = "centre"; nameOf = name: name + ".tail0000.ts.net"; };
    };
    config = {
      pantheros = {
        controlCenter = { enable = true; bundle = ${bundle === "" ? "null" : `"${bundle}"`}; stack = "homelab"; names = ["centre.example.test"]; tailscale = ${tailscale}; memoryMax = "100M"; operatorRoles = ["admin"]; oidc = { issuer = "https://dex.example.test"; clientId = "centre"; amr = ["mfa"]; }; };
        services.caddy.enable = ${caddy};
        deployment = { enable = ${deployment}; user = "deploy"; };
        services.dex.enable = true;
        secrets = {
          centre-ssh-key.path = "/run/secrets/centre-ssh-key";
          centre-operator-admin.path = "/run/secrets/centre-operator-admin";
          centre-oidc-secret.path = "/run/secrets/centre-oidc-secret";
        };
      };
      services.caddy.user = "caddy";
    };
  }; in {
    service = { inherit (set.systemd.services.pantheros-centre) serviceConfig environment; };
    sockets = set.systemd.sockets;
    rules = set.systemd.tmpfiles.rules;
    checks = set.pantheros.deployment.checks;
    secrets = set.pantheros.secrets;
    clients = set.pantheros.services.dex.clients;
    refused = map (each: each.message) (builtins.filter (each: !each.assertion) set.assertions);
  }`) as Found;
};

test("each socket is for one account, and has a name that the program accepts", () => {
  const { sockets, service } = evaluated();
  const found = Object.values(sockets).map(({ socketConfig }) => socketConfig);
  expect(found.map((each) => [each["FileDescriptorName"], each["SocketUser"], each["SocketMode"]])).toEqual([
    ["proxy", "caddy", "0600"],
    ["tailscale", "root", "0600"],
  ]);
  expect(service.serviceConfig["Sockets"]).toEqual(Object.keys(sockets).map((name) => `${name}.socket`));
  for (const { FileDescriptorName: name } of found) {
    expect(readFileSync("centre/listen.ts", "utf8")).toContain(`"${String(name)}"`);
  }
});

test("keys and secrets are credentials, and neither a token of a vendor nor a state is anywhere", () => {
  const { service, secrets } = evaluated();
  expect(service.serviceConfig["LoadCredential"]).toEqual([
    "admin:/run/secrets/centre-operator-admin",
    "oidc-secret:/run/secrets/centre-oidc-secret",
    "ssh-key:/run/secrets/centre-ssh-key",
  ]);
  expect(service.environment).toMatchObject({
    PANTHEROS_SSH_KEY: "%d/ssh-key",
    PANTHEROS_OPERATOR_KEYS: "%d",
    PANTHEROS_OIDC_SECRET_FILE: "%d/oidc-secret",
    PANTHEROS_OIDC_AMR: "mfa",
  });
  expect(Object.keys(secrets)).toEqual(["centre-oidc-secret", "centre-operator-admin", "centre-ssh-key"]);
});

test("a Dex on the same host leads back to the first name", () => {
  expect(evaluated().clients).toEqual([
    { id: "centre", name: "Control centre", redirectURIs: ["https://centre.example.test/sign-on/callback"] },
  ]);
});

test("the unit has no rights besides its directory, and the memory of the documents", () => {
  expect(evaluated().service.serviceConfig).toMatchObject({
    User: "pantheros-centre",
    ProtectSystem: "strict",
    NoNewPrivileges: true,
    CapabilityBoundingSet: "",
    SystemCallFilter: ["@system-service", "~@privileged"],
    UMask: "0077",
    StateDirectoryMode: "0700",
    MemoryMax: "100M",
  });
});

test("the deploy user writes the outputs, and the service reads them", () => {
  const { rules, service } = evaluated();
  expect(rules).toEqual(["d /var/lib/pantheros-outputs 0750 deploy pantheros-centre -"]);
  expect(String(service.serviceConfig["ExecStart"])).toContain(
    "--outputs=/var/lib/pantheros-outputs/homelab.json",
  );
});

test("a deploy checks that each socket is answered", () => {
  expect(evaluated().checks.map(({ target }) => /--unix-socket (\S+)/.exec(target)?.[1])).toEqual([
    "/run/pantheros-centre-proxy.sock",
    "/run/pantheros-centre-tailscale.sock",
  ]);
});

test.each([
  [{ bundle: "" }, "tools/centre/bundle.ts nix/hosts/cloud/centre"],
  [{ tailscale: false, caddy: false }, "has no socket"],
  [{ deployment: false }, "pantheros.deployment.enable"],
])("%j is refused with a remedy", (given, message) => {
  expect(evaluated(given).refused).toEqual([expect.stringContaining(message)]);
});

test("what is complete is not refused", () => expect(evaluated().refused).toEqual([]));
