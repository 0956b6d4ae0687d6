import { parseOverrides, settingsFrom } from "../../../settings/settings.ts";

const surroundings = (config: Record<string, unknown>, env: Record<string, string> = {}) => ({
  stack: "staging",
  get: (key: string) => config[key],
  env: (name: string) => env[name],
});

test("without configuration the stack's name is the environment, and the fleet is the real one", () => {
  expect(settingsFrom(surroundings({}))).toMatchObject({
    environment: "staging",
    fleetFile: "nix/fleet.toml",
    flake: "path:./nix",
    probe: "deploy",
    sshKey: undefined,
    knownHostsFile: "nix/known_hosts",
  });
});

test("environment variables override the configuration", () => {
  const settings = settingsFrom(
    surroundings(
      { probe: "deploy", sshKey: "a", flakeOverrides: { site: "path:a", other: "path:o" } },
      {
        PANTHEROS_PROBE: "off",
        PANTHEROS_SSH_KEY: "b",
        PANTHEROS_FLAKE_OVERRIDES: "site=path:b",
        PANTHEROS_ON: "web,@server",
      },
    ),
  );
  expect(settings).toMatchObject({
    probe: "off",
    sshKey: "b",
    selection: "web,@server",
    flakeOverrides: { site: "path:b", other: "path:o" },
  });
});

test("an error for invalid values names the stack's file and the key", () => {
  expect(() => settingsFrom(surroundings({ environment: "Pro d", probe: "maybe" }))).toThrow(
    /Pulumi\.staging\.yaml: pantheros:environment: .*\nPulumi\.staging\.yaml: pantheros:probe: /,
  );
});

test("an override without a reference is refused", () => {
  expect(() => parseOverrides("site")).toThrow('"site" does not have the form input=reference');
});
