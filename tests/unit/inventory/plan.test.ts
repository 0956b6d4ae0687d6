import { loadInventory, parseInventory } from "../../../inventory/load.ts";
import { fqdnOf, planFor } from "../../../inventory/plan.ts";

const fleet = loadInventory("nix/fleet.toml");

test("a stack owns the hosts of its environment, without images", () => {
  expect(planFor(fleet, "production").hosts.map((host) => host.name)).toEqual(["hetzner-vps"]);
  expect(planFor(fleet, "staging").hosts.map((host) => host.name)).toEqual(["contabo-vps", "ovh-vps"]);
  expect(planFor(fleet, "homelab").hosts.map((host) => host.name)).not.toContain("dev-vm");
});

test("staging's names carry its prefix, production's don't", () => {
  expect(fqdnOf(fleet, "staging", "ovh-vps")).toBe("ovh-vps.staging.hbohlen.systems");
  expect(fqdnOf(fleet, "production", "cache")).toBe("cache.hbohlen.systems");
});

test("a secret's reference names the host, and only the secret's hosts receive it", () => {
  expect(planFor(fleet, "staging").secrets.filter(({ name }) => name === "opnix-token")).toEqual([
    {
      host: "contabo-vps",
      name: "opnix-token",
      reference: "op://pantherOS/contabo-vps service account/credential",
    },
    { host: "ovh-vps", name: "opnix-token", reference: "op://pantherOS/ovh-vps service account/credential" },
  ]);
  // Laptops are not in `hosts` of this secret.
  const homelab = planFor(fleet, "homelab").secrets.filter(({ name }) => name === "opnix-token");
  expect(homelab.map(({ host }) => host)).toEqual(["cloud", "r2s", "router", "storage"]);
  const passwords = planFor(fleet, "homelab").secrets.filter(({ name }) => name === "password-hbohlen");
  expect(passwords.map(({ host }) => host)).toEqual([
    "cloud",
    "r2s",
    "router",
    "storage",
    "yoga",
    "zephyrus",
  ]);
});

test("services follow their hosts", () => {
  expect(planFor(fleet, "production").services.map((service) => service.name)).toEqual(["attic"]);
});

test("a missing environment is named", () => {
  const small = parseInventory(
    'schema = 1\n[fleet]\ndomain = "example.test"\n[environments.homelab]\n[hosts.a]\nenvironment = "homelab"\nprofiles = ["server"]\nprovider = { kind = "image" }\n',
    "small.toml",
  );
  expect(() => planFor(small, "staging")).toThrow(
    'unknown environment "staging"; environments are homelab. Set pantheros:environment of the stack',
  );
});
