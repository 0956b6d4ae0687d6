import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { messageOf } from "../../lib/message-of.ts";
import { ensureSecrets } from "./secrets.ts";
import { PORTS, type Ports, type ServeOptions, serve, VENDORS, type Vendor } from "./serve.ts";

const environment = (name: string, fallback: string): string => process.env[name] || fallback;
const here = import.meta.dirname;
const repository = resolve(here, "../..");

function vendorList(text: string): Vendor[] {
  return text.split(",").map((name) => {
    const vendor = VENDORS.find((known) => known === name);
    if (vendor === undefined) throw new InvalidArgumentError(`"${name}" is not one of ${VENDORS.join(", ")}`);
    return vendor;
  });
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new InvalidArgumentError("not a port number");
  return port;
}

const portNames = Object.keys(PORTS) as (keyof Ports)[];
/** `dnsApi` -> `--dns-api-port` */
const portOptions = portNames.map((name) => {
  const [fallback, what] = PORTS[name];
  const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return new Option(`--${flag}-port <port>`, what).argParser(portNumber).default(fallback);
});

type PortFlags = { readonly [Name in keyof Ports as `${Name}Port`]: number };

interface ServeFlags extends PortFlags, Omit<ServeOptions, "address" | "ports" | "zones"> {
  listen: string;
  zone: string[];
}

function optionsFrom(flags: ServeFlags): ServeOptions {
  return {
    ...flags,
    dir: resolve(flags.dir),
    address: flags.listen,
    zones: flags.zone,
    ports: Object.fromEntries(portNames.map((name) => [name, flags[`${name}Port`]])) as Ports,
  };
}

/** Serves until SIGTERM or SIGINT, then stops all that it started. */
async function run(flags: ServeFlags): Promise<void> {
  let ending: (() => void) | undefined;
  const ended = new Promise<void>((resolveEnd) => {
    ending = resolveEnd;
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ending?.());
  const serving = await serve(optionsFrom(flags));
  for (const part of serving.parts) console.log(`${part.name} at ${part.url}`);
  console.log("ready");
  try {
    await Promise.race([ended, serving.failure]);
  } finally {
    await serving.stop();
  }
  console.log("stopped");
}

const dirOption = () =>
  new Option("--dir <dir>", "directory of the sandbox").default(
    environment("PANTHEROS_SANDBOX_DIR", join(repository, ".sandbox")),
  );

const program = new Command("vendors")
  .description(
    "The sandbox's emulated vendors: Hetzner Cloud, Cloudflare, Tailscale, Backblaze B2 (S3), 1Password for hosts, and a DNS server",
  )
  .showHelpAfterError();

const serving = program
  .command("serve", { isDefault: true })
  .description("start the vendors and serve until SIGTERM")
  .addOption(dirOption())
  .option("--name <name>", "name of the sandbox", environment("PANTHEROS_SANDBOX_NAME", "sandbox"))
  .option("--listen <address>", "address of all public ports", "198.51.100.1")
  .addOption(
    new Option("--only <vendors>", "comma-separated list of vendors to serve")
      .argParser(vendorList)
      .default([...VENDORS], "all"),
  )
  .addOption(
    new Option("--compute <kind>", "implementation of the machines")
      .choices(["machines", "memory"])
      .default("machines"),
  )
  .option(
    "--compute-module <file>",
    "module that exports createCompute",
    join(here, "../machines/compute.ts"),
  )
  .option("--zone <zones...>", "DNS zones of the Cloudflare account", ["example.test"])
  .option("--edge <address>", "address of proxied names", "198.51.100.80")
  .option("--tailnet <name>", "name of the tailnet", environment("TAILSCALE_TAILNET", "example.test"))
  .option("--suffix <name>", "MagicDNS suffix of the tailnet", "tail0000.ts.net")
  .option(
    "--venv <dir>",
    "Python environment with moto",
    join(
      environment(
        "PANTHEROS_CACHE",
        join(environment("XDG_CACHE_HOME", join(homedir(), ".cache")), "pantheros"),
      ),
      "venv",
    ),
  )
  .addOption(
    new Option("--checksums <rule>", "treatment of x-amz-checksum headers on objects")
      .choices(["refuse", "accept"])
      .default("refuse"),
  )
  .option("--region <region>", "region of the emulated B2", "eu-central-003")
  .action(run);
for (const option of portOptions) serving.addOption(option);

program
  .command("secrets")
  .description("generate the missing credentials of the accounts (secrets.env)")
  .addOption(dirOption())
  .action(({ dir }: { dir: string }) => {
    console.log(Object.keys(ensureSecrets(resolve(dir))).join("\n"));
  });

try {
  await program.parseAsync();
} catch (error) {
  console.error(`vendors: ${messageOf(error)}`);
  process.exitCode = 1;
}
