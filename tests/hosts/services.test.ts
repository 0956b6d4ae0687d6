import { loadInventory } from "../../inventory/load.ts";
import { evaluatedHosts, type Host, unitValues } from "./written.ts";

const inventory = loadInventory("nix/fleet.toml");
const hosts = evaluatedHosts();
const services = hosts.flatMap((host) =>
  Object.entries(inventory.services)
    .filter(([, service]) => service.host === host.name)
    .map(([key, service]) => ({ key, module: service.module ?? key, host, service })),
);
const found = (module: string) => services.filter((service) => service.module === module);
const settings = (host: Host, module: string) => host.services[module] as Record<string, unknown>;
const textOf = (host: Host, unit: string) => host.units[`${unit}.service`]?.text ?? "";

test("a service's directories are in the backup of its host", () => {
  for (const { host, key, service } of services)
    expect([key, host.backups]).toEqual([key, expect.arrayContaining(service.backup)]);
});

test.each(["forgejo", "immich", "grafana"])("%s has a database of its own, made once", (module) => {
  for (const { host } of found(module))
    expect(host.databases.filter((name) => name === module)).toEqual([module]);
});

test("the media programs share a group and a slice that yields to others", () => {
  const units = ["jellyfin", "navidrome", "transmission", "sonarr", "radarr"];
  for (const { host, module } of services.filter((service) => units.includes(service.module))) {
    const unit = textOf(host, module);
    expect([module, unitValues(unit, "Service", "Slice")]).toEqual([module, ["system-media.slice"]]);
    expect(unitValues(unit, "Service", "SupplementaryGroups")).toContain("media");
    const slice = host.units["system-media.slice"]?.text ?? "";
    expect(unitValues(slice, "Slice", "MemoryHigh")).toEqual(["60%"]);
    expect(Number(unitValues(slice, "Slice", "CPUWeight")[0])).toBeLessThan(100);
  }
});

test("each program listens on the inventory's port, and no port is open to the local network", () => {
  const port: Record<string, (values: Record<string, unknown>) => unknown> = {
    navidrome: (values) => values["Port"],
    transmission: (values) => values["rpc-port"],
    syncthing: (values) => Number(String(values["guiAddress"]).split(":").at(-1)),
    forgejo: (values) => (values["server"] as Record<string, unknown>)["HTTP_PORT"],
    immich: (values) => values["port"],
  };
  for (const { host, module, service } of services) {
    const read = port[module];
    if (read === undefined) continue;
    expect([module, read(settings(host, module))]).toEqual([module, service.port]);
    expect(host.values.firewall.allowedTCPPorts).toEqual([]);
  }
});

test("Transmission answers only to its own names, and opens no port for peers", () => {
  for (const { host } of found("transmission")) {
    const values = settings(host, "transmission");
    expect(values).toMatchObject({
      "rpc-host-whitelist-enabled": true,
      "port-forwarding-enabled": false,
      group: "media",
      downloadDirPermissions: "2775",
    });
    expect(String(values["rpc-host-whitelist"]).split(",")).toEqual(
      expect.arrayContaining([host.name, `downloads.${inventory.dns?.zone}`]),
    );
  }
});

test("Syncthing knows the inventory's devices only, and asks no public server", () => {
  for (const { host } of found("syncthing"))
    expect(settings(host, "syncthing")).toMatchObject({
      overrideDevices: true,
      overrideFolders: true,
      settings: {
        options: {
          globalAnnounceEnabled: false,
          localAnnounceEnabled: false,
          relaysEnabled: false,
          natEnabled: false,
        },
      },
    });
});

test("Syncthing can write its directories, and its identity is in the backup", () => {
  for (const { host } of found("syncthing")) {
    const { configDir, dataDir, user, created } = settings(host, "syncthing") as Record<string, string> & {
      created: string[];
    };
    for (const directory of [configDir, dataDir]) {
      expect(created).toContainEqual(expect.stringMatching(`^d ${directory} 07[05]0 ${user} `));
      expect(host.backups).toContain(directory);
    }
  }
});

test("nobody registers at Forgejo, no runner runs, and its cookies need HTTPS", () => {
  for (const { host } of found("forgejo"))
    expect(settings(host, "forgejo")).toMatchObject({
      service: { DISABLE_REGISTRATION: true },
      session: { COOKIE_SECURE: true },
      actions: { ENABLED: false },
      server: { DISABLE_SSH: true, ROOT_URL: `https://git.${inventory.dns?.zone}/` },
    });
});

test("Grafana signs people on through Dex, whose client has Grafana's address", () => {
  const clients = found("dex").flatMap(
    ({ host }) => host.services["dex"] as { id: string; redirectURIs: string[]; secretEnv: string }[],
  );
  for (const { host } of found("grafana")) {
    const { enabled, client_id, client_secret, auth_url, role_attribute_path } = settings(host, "grafana");
    expect([enabled, client_id]).toEqual([true, "grafana"]);
    expect(auth_url).toBe(`https://dex.${inventory.dns?.zone}/auth`);
    // By the file of a credential, and not in the store.
    expect(client_secret).toMatch(/^\$__file\{\/run\/credentials\/grafana\.service\/dex\}$/);
    expect(unitValues(textOf(host, "grafana"), "Service", "LoadCredential")).toContainEqual(
      expect.stringMatching(/^dex:.*grafana-dex-secret$/),
    );
    expect(role_attribute_path).toContain(`'${inventory.tailnet?.admins}'`);
    // Only when the issuer's host is among those that were evaluated.
    if (clients.length > 0)
      expect(clients).toContainEqual(
        expect.objectContaining({
          id: "grafana",
          secretEnv: "DEX_CLIENT_GRAFANA",
          redirectURIs: [`https://grafana.${inventory.dns?.zone}/login/generic_oauth`],
        }),
      );
  }
});
