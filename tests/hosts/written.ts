import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What `tools/nix/written.nix` returns for a host, and the files that were built. */
export interface Host {
  readonly name: string;
  readonly units: Readonly<
    Record<
      string,
      { readonly text: string; readonly overrideStrategy: string; readonly wantedBy: readonly string[] }
    >
  >;
  readonly networks: Readonly<Record<string, string>>;
  readonly sudoers: string;
  /** The image of a board's card. */
  readonly image: {
    readonly name: string;
    readonly firmwarePartitionOffset: number;
    readonly postBuildCommands: string;
  } | null;
  readonly nftables: readonly string[];
  readonly values: Values;
  readonly desktop: Desktop | null;
  readonly development: Development | null;
  /** Module of the registry -> its program's settings. */
  readonly services: Readonly<Record<string, unknown>>;
  readonly databases: readonly string[];
  /** Settings of the SSH client. */
  readonly ssh: string;
  /** Directories in the host's backup. */
  readonly backups: readonly string[];
  /** Person -> what Home Manager writes for them, by name; JSON where the program's form is its own. */
  readonly home: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Files that this computer cannot build, because they need a builder for another processor. */
  readonly unbuilt: readonly string[];
  /** The content of a file of /etc; undefined: the host has no such file. */
  file(name: string): string | undefined;
}

interface Desktop {
  readonly greeter: {
    readonly enable: boolean;
    readonly compositor: string;
    readonly keyboard: string;
    readonly greetd: boolean;
  };
  readonly shell: { readonly enable: boolean; readonly enableDynamicTheming: boolean };
  readonly niri: boolean;
  /** niri's configuration. */
  readonly configuration: string;
  readonly portals: boolean;
  readonly keyring: boolean;
  readonly sound: { readonly enable: boolean; readonly pulse: boolean; readonly realtime: boolean };
  readonly bluetooth: boolean;
  readonly printing: boolean;
  readonly power: { readonly battery: boolean; readonly profiles: boolean; readonly heat: boolean };
  readonly onePassword: readonly string[];
  /** Names of the installed packages. */
  readonly packages: string;
  readonly opensWeb: string | null;
  readonly fonts: readonly string[];
  readonly console: readonly string[];
  readonly nvidia: {
    readonly drivers: readonly string[];
    readonly open: boolean;
    readonly prime: {
      readonly offload: boolean;
      readonly nvidiaBusId: string;
      readonly intelBusId: string;
      readonly amdgpuBusId: string;
    };
  };
  readonly games: boolean;
}

interface Development {
  readonly podman: boolean;
  /** Sections of the system's Git configuration. */
  readonly git: readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[];
  /** Whether databases for projects run. */
  readonly databases: boolean;
}

interface Values {
  readonly accounts: Readonly<
    Record<
      string,
      {
        readonly isNormalUser: boolean;
        readonly hasPassword: boolean;
        readonly extraGroups: readonly string[];
      }
    >
  >;
  readonly kernelParams: readonly string[];
  readonly hostName: string;
  readonly firewall: {
    readonly enable: boolean;
    readonly allowedTCPPorts: readonly number[];
    readonly allowedUDPPorts: readonly number[];
    readonly allowedTCPPortRanges: readonly unknown[];
    readonly allowedUDPPortRanges: readonly unknown[];
  };
  readonly loader: { readonly grub: boolean; readonly systemdBoot: boolean; readonly extlinux: boolean };
  readonly nix: {
    readonly substituters: readonly string[];
    readonly minFree: number | null;
  };
  readonly secrets: Readonly<
    Record<string, { readonly path: string; readonly services: readonly string[]; readonly backend: string }>
  >;
  readonly traced: {
    readonly "experimental-features": readonly string[];
    readonly "auto-optimise-store": boolean;
    readonly gc: {
      readonly automatic: boolean;
      readonly dates: string | readonly string[];
      readonly options: string;
    };
    readonly defaultLocale: string;
    readonly trustedInterfaces: readonly string[];
    readonly logRefusedConnections: boolean;
    readonly timeout: number | null;
    readonly hostKeys: readonly { readonly path: string; readonly type: string }[];
    readonly ports: readonly number[];
    readonly shell: string;
    readonly podman: boolean;
    readonly audit: boolean;
    readonly touchEfi: boolean;
  };
  readonly watchedSecrets: readonly string[];
  readonly services: { readonly tailscale: boolean; readonly fail2ban: boolean };
  readonly fileSystems: Readonly<Record<string, string>>;
  /** nixpkgs' install-grub.pl; null: the host has another boot loader. */
  readonly grubInstaller: string | null;
  readonly sysctl: Readonly<Record<string, string>>;
}

/** The directory that `make nix-eval` fills. */
function directory(): string {
  const found = process.env["PANTHEROS_WRITTEN"];
  if (found === undefined)
    throw new Error("these tests compare evaluated hosts: run them with `make nix-eval NIXPKGS=PATH`");
  return found;
}

const contentOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
};

/** The evaluated hosts. */
export const evaluatedHosts = (): readonly Host[] =>
  readdirSync(directory()).map((name) => ({
    ...(JSON.parse(readFileSync(join(directory(), name, "host.json"), "utf8")) as Omit<
      Host,
      "name" | "file"
    >),
    name,
    file: (file) => contentOf(join(directory(), name, "files", file)),
  }));

/** Values of a key in a section of a systemd unit, in order. */
export function unitValues(text: string, section: string, key: string): readonly string[] {
  let current = "";
  const found: string[] = [];
  for (const line of text.split("\n")) {
    const heading = /^\[(.+)\]$/.exec(line);
    if (heading) current = heading[1] ?? "";
    else if (current === section && line.startsWith(`${key}=`)) found.push(line.slice(key.length + 1));
  }
  return found;
}
