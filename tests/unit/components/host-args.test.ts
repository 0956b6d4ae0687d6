import * as pulumi from "@pulumi/pulumi";
import { connectionArgs } from "../../../components/fleet/host-args.ts";
import { resolved } from "../mocks.ts";
import { planOf, settings, text } from "./fleet-world.ts";

const ADDRESS = ', address = "198.51.100.20"';

/** The address at which deploys reach the adopted host, whose device in the tailnet is legacy-1. */
function addressOf(toml: string, addresses: Readonly<Record<string, string>> = {}): Promise<string> {
  const plan = planOf(toml);
  const host = plan.hosts.find(({ name }) => name === "legacy");
  if (host === undefined) throw new Error("the fleet has no legacy");
  const tailnetNames = { legacy: "legacy-1.tail0000.ts.net" };
  const machine = {
    address: pulumi.output("the machine's own"),
    sshPort: pulumi.output(22),
    ipv4: pulumi.output(undefined),
    ipv6: pulumi.output(undefined),
    hostKey: pulumi.output("key"),
  };
  const given = { plan, settings: { ...settings(), addresses }, tailnetNames };
  return resolved(pulumi.output(connectionArgs(given, host, machine, undefined).address));
}

test("with public addresses, an adopted machine without one is reached by its device's name", async () => {
  expect(text).toContain(ADDRESS);
  expect(await addressOf(text)).toBe("the machine's own");
  expect(await addressOf(text.replace(ADDRESS, ""))).toBe("legacy-1.tail0000.ts.net");
  expect(await addressOf(text.replace(ADDRESS, ""), { legacy: "198.51.100.21" })).toBe("the machine's own");
});
