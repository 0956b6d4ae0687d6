import { evaluate } from "./nix.ts";

const set = (module: string, config: string, wanted: string, args = "{}"): unknown =>
  evaluate(`let set = import (nix + "/../tests/unit/nix/one-module.nix") {
    inherit nix;
    module = nix + "/modules/${module}";
    config = ${config};
    args = ${args};
  }; in ${wanted}`);
const REFUSED = "map (each: each.message) (builtins.filter (each: !each.assertion) set.assertions)";

describe("Sonarr, Radarr and Prowlarr", () => {
  const services = (enabled: string) =>
    `{ pantheros.services = builtins.mapAttrs (name: port: { inherit port; enable = name == "${enabled}"; listen = "0.0.0.0"; }) { prowlarr = 9696; radarr = 7000; sonarr = 8989; }; }`;

  test("have the port of the inventory, trust the gateway's sign-on, and do not update themselves", () => {
    expect(set("services/media/arr.nix", services("radarr"), "set")).toEqual({
      services: { radarr: { enable: true } },
      systemd: {
        services: {
          radarr: {
            environment: {
              RADARR__SERVER__PORT: "7000",
              RADARR__SERVER__BINDADDRESS: "0.0.0.0",
              RADARR__AUTH__METHOD: "External",
              RADARR__LOG__ANALYTICSENABLED: "False",
              RADARR__UPDATE__AUTOMATICALLY: "False",
            },
          },
        },
      },
    });
  });

  test("are off without a service of the inventory", () => {
    expect(set("services/media/arr.nix", services("none"), "set")).toEqual({});
  });
});

describe("the media directory", () => {
  const config = (on: readonly string[]) =>
    `{ pantheros = { media = { directory = "/srv/media"; memoryHigh = "60%"; }; services = builtins.listToAttrs (map (name: { inherit name; value.enable = builtins.elem name (builtins.fromJSON ${JSON.stringify(JSON.stringify(on))}); }) ["jellyfin" "navidrome" "radarr" "sonarr" "transmission"]); }; }`;

  test("exists for the programs that use it, which share what they write", () => {
    const { tmpfiles, services } = set(
      "services/media/default.nix",
      config(["jellyfin", "sonarr"]),
      "set.systemd",
    ) as {
      tmpfiles: { rules: string[] };
      services: Record<string, { serviceConfig: Record<string, unknown> }>;
    };
    expect(Object.keys(services)).toEqual(["jellyfin", "sonarr"]);
    for (const { serviceConfig } of Object.values(services))
      expect(serviceConfig).toMatchObject({ Slice: "system-media.slice", SupplementaryGroups: ["media"] });
    // Jellyfin only reads it; Sonarr's files can be moved by the others.
    expect([
      services["jellyfin"]?.serviceConfig["UMask"],
      services["sonarr"]?.serviceConfig["UMask"],
    ]).toEqual([undefined, "0002"]);
    expect(tmpfiles.rules).toContain("d /srv/media/series 2775 root media -");
  });

  test("costs nothing where no such program runs", () => {
    expect(set("services/media/default.nix", config([]), "set")).toEqual({});
  });
});

test("Jellyfin with another port is refused, because it would listen on its own", () => {
  const config = (port: number) =>
    `{ pantheros = { services.jellyfin = { enable = true; port = ${port}; listen = "0.0.0.0"; }; hardware.gpus = []; }; }`;
  expect(set("services/media/jellyfin.nix", config(8096), REFUSED)).toEqual([]);
  expect(set("services/media/jellyfin.nix", config(80), REFUSED)).toEqual([
    expect.stringContaining("set port = 8096"),
  ]);
});

test("a folder of Syncthing with an unknown device is refused by name", () => {
  const config = (devices: string) =>
    `{ pantheros.services.syncthing = { enable = true; port = 8384; listen = "0.0.0.0"; syncPort = 22000; directory = "/srv/files"; devices = ${devices}; folders.notes = { devices = ["laptop"]; keepDays = 30; }; }; }`;
  const known = '{ laptop = { id = "ID"; addresses = ["tcp://laptop:22000"]; }; }';
  expect(set("services/files/syncthing.nix", config(known), REFUSED)).toEqual([]);
  expect(set("services/files/syncthing.nix", config("{}"), REFUSED)).toEqual([
    expect.stringMatching(/folders\.notes\.devices: laptop is not in devices/),
  ]);
  expect(
    set("services/files/syncthing.nix", config(known), "set.services.syncthing.settings.folders"),
  ).toEqual({
    notes: {
      path: "/srv/files/notes",
      devices: ["laptop"],
      versioning: { type: "simple", params: { keep: "10", cleanoutDays: "30" } },
    },
  });
});

describe("Ollama", () => {
  const config = (enable: boolean, acceleration: string) => `{
    pantheros = {
      aiWorkspace = { enable = ${enable}; acceleration = "${acceleration}"; models = ["small"]; };
      services.ollama = { enable = ${enable}; port = 11434; listen = "127.0.0.1"; };
      hardware.gpus = ["nvidia"];
    };
  }`;

  test("uses the processor of the host through Vulkan, and listens where the inventory says", () => {
    expect(set("ai-workspace/ollama.nix", config(true, "vulkan"), "set")).toEqual({
      pantheros: { services: { ollama: { enable: true } }, hardware: { graphics: { enable: true } } },
      services: {
        ollama: {
          enable: true,
          package: "/pkgs/ollama-vulkan",
          host: "127.0.0.1",
          port: 11434,
          loadModels: ["small"],
        },
      },
    });
    expect(set("ai-workspace/ollama.nix", config(true, "none"), "set.services.ollama.package")).toBe(
      "/pkgs/ollama",
    );
  });

  test("is off by itself", () => {
    expect(set("ai-workspace/ollama.nix", config(false, "none"), "set")).toEqual({});
  });
});
