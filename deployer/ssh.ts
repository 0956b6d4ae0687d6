/** Argument vectors for OpenSSH. Everything that connects to a host uses these, so a host key is always checked. */
import { SSH_PORT } from "../inventory/primitives.ts";
import { DEFAULT_SECONDS } from "../inventory/seconds.ts";
import { shortName } from "../lib/short-name.ts";

export interface SshPeer {
  /** The inventory's name: what host keys are pinned under, and what stands in process lists. */
  readonly host: string;
  readonly address: string;
  /** 22 when left out. */
  readonly port?: number | undefined;
  readonly user: string;
  /** A file with a line `HOST TYPE KEY` for each pinned key, or the one pinned key itself (`TYPE BASE64`). */
  readonly pinned: { readonly file: string } | { readonly key: string };
  /** Private key; without one the agent's and the user's default keys are tried. */
  readonly identity?: string | undefined;
  /** Seconds to connect, banner and key exchange included. */
  readonly connectSeconds?: number | undefined;
  /**
   * Control socket of a connection that is open, see openArgv; where it is not (any more), ssh makes one of its own. Absent: a
   * connection of its own, as all need that are to show that a host can be reached.
   */
  readonly shared?: string | undefined;
  /**
   * Nothing that passes is a secret, as with the supervisor's verbs: sntrup761 is left out of the key exchanges, where the connection is
   * not shared with what may be one. It guards a recording against a later quantum computer and costs an older ssh 0.1 s of processor
   * time (OpenSSH 9.2 of Debian 12, measured; X25519 alone 0.01 s). ssh 9.9 and later has ML-KEM for the same end, which is cheap
   * and stays.
   */
  readonly carriesNoSecret?: boolean | undefined;
}

/** Seconds of silence between keep-alives, and how many may go unanswered: a dead peer ends a session after 15 s. */
const ALIVE_SECONDS = 5;
const ALIVE_COUNT = 3;

/** Options for ssh, each with its reason; those in `first` win over the ones here, as ssh takes the first value that it sees. */
export function sshOptions(peer: SshPeer, first: readonly (readonly [string, string])[] = []): string[] {
  const options: (readonly [string, string])[] = [
    ...first,
    ["HostName", peer.address], // the name stays the inventory's, and IPv6 needs no brackets in a store's URI
    ["Port", String(peer.port ?? SSH_PORT)],
    ["User", peer.user],
    ["HostKeyAlias", peer.host], // keys are pinned by name: an address is given to another machine one day
    ...pins(peer), // only what this program pinned
    ["GlobalKnownHostsFile", "/dev/null"], // and nothing that the runner believes
    ["StrictHostKeyChecking", "yes"], // an unknown or another key ends the connection
    ["UpdateHostKeys", "no"], // a host cannot add keys to the pins
    ["BatchMode", "yes"], // never a question that nobody answers
    ["ConnectTimeout", String(peer.connectSeconds ?? DEFAULT_SECONDS.connect)], // also for a silent sshd
    ["ServerAliveInterval", String(ALIVE_SECONDS)], // a host that went away is noticed
    ["ServerAliveCountMax", String(ALIVE_COUNT)],
    ["ControlMaster", "no"], // a connection to share is opened on purpose, or there is none
    ["ControlPath", peer.shared === undefined ? "none" : literally(peer.shared)],
    // First what processors have instructions for. ssh's own first choice, ChaCha20, costs both sides more than twice the processor time
    // (500 MB: 0.9 s against 0.4 s here, OpenSSH 9.2, measured). It stays behind them, for a sshd without AES-GCM.
    ["Ciphers", "^aes256-gcm@openssh.com,aes128-gcm@openssh.com"],
    ["ForwardAgent", "no"],
    ["LogLevel", "ERROR"], // stderr is for what went wrong
  ];
  if (peer.carriesNoSecret && peer.shared === undefined) options.push(["KexAlgorithms", "-sntrup761*"]);
  if (peer.identity !== undefined) {
    options.push(["IdentityFile", peer.identity]);
    options.push(["IdentitiesOnly", "yes"]); // an agent full of keys would exhaust MaxAuthTries
  }
  // -F /dev/null: the runner's own configuration cannot interfere.
  return ["-F", "/dev/null", ...options.flatMap(([key, value]) => ["-o", `${key}=${value}`])];
}

/** A path in which ssh finds no token of its own. */
const literally = (path: string): string => path.replaceAll("%", "%%");

/** Seconds without use after which ssh itself ends an open connection: whoever began it may be gone. */
const IDLE_SECONDS = 60;

/** Files of a connection that several commands share. Nobody else may enter their directory. */
export interface SharedFiles {
  /** Its control socket: SshPeer.shared. */
  readonly control: string;
  /** Socket behind which the peer's Nix daemon answers. */
  readonly daemon: string;
  /** What ssh says of the connection, as long as it is open. */
  readonly log: string;
}

/** Where Nix has the socket of its daemon; NixOS offers no other. */
const DAEMON_SOCKET = "/nix/var/nix/daemon-socket/socket";

/**
 * Opens a connection for others to share, with a way to the peer's Nix daemon, and leaves it to itself: exit 0 says that it
 * is open. A sshd that forwards no sockets tells so when somebody comes, see forwardingRefused.
 */
export const openConnectionArgv = (peer: SshPeer, { control, daemon, log }: SharedFiles): string[] => [
  "ssh",
  ...sshOptions(peer, [
    ["ControlMaster", "auto"], // and not "yes": it takes away a socket that nobody answers
    ["ControlPath", literally(control)],
    ["ControlPersist", String(IDLE_SECONDS)],
    ["ExitOnForwardFailure", "yes"],
    ["StreamLocalBindUnlink", "yes"], // of a connection that was lost
    ["LogLevel", "INFO"], // at ERROR it would not say why a connection ended
  ]),
  ...["-E", log, "-L", `${literally(daemon)}:${DAEMON_SOCKET}`, "-N", peer.host],
];

/** Ends an open connection once nothing goes through it any more; nobody finds it from now on. It fails where there is none. */
export const closeConnectionArgv = (host: string, { control }: SharedFiles): string[] => [
  ...["ssh", "-F", "/dev/null", "-o", `ControlPath=${literally(control)}`, "-O", "stop", host],
];

/** Whether an stderr tells of a sshd that led nobody to the daemon. */
export const forwardingRefused = (stderr: string): boolean => /^channel \d+: open failed: /m.test(stderr);

/** Bytes of a socket's path everywhere (sun_path of macOS, less its end), less what ssh appends while it makes one. */
const MAX_SOCKET_BYTES = 104 - 1 - 17;

/** Those of a machine in `directory`; undefined where ssh could not make a socket there. */
export function sharedFiles(directory: string, host: string): SharedFiles | undefined {
  const room = MAX_SOCKET_BYTES - Buffer.byteLength(`${directory}/.ssh`);
  // Of a long name a part and a hash: fewer would not keep two hosts apart.
  if (host.length > room && room < 16) return undefined;
  const base = `${directory}/${shortName(host, room)}`;
  return { control: `${base}.ssh`, daemon: `${base}.nix`, log: `${base}.log` };
}

/** Signatures of a type of key. Source: ssh_config(5), "HostKeyAlgorithms"; those with SHA-1 are off since OpenSSH 8.8. */
const algorithmsOf = (type: string): string => (type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type);

/** OpenSSH 8.5 (2021) can ask a command for the pinned keys, where there is no file to name. */
function pins({ host, pinned }: SshPeer): [string, string][] {
  if ("file" in pinned) return [["UserKnownHostsFile", pinned.file]];
  const [type = "", key = ""] = pinned.key.trim().split(/\s+/);
  return [
    ["UserKnownHostsFile", "none"],
    ["KnownHostsCommand", `/usr/bin/env echo ${host} ${type} ${key}`],
    // ssh puts the types of keys in a file first, and not those of a command: it would take a key that is not pinned for a stranger's.
    ...(type === "ssh-ed25519"
      ? []
      : ([["HostKeyAlgorithms", `^${algorithmsOf(type)}`]] as [string, string][])),
  ];
}

/** ssh running `words` on the peer. The remote side has a shell, so each word is quoted for it. */
export function sshArgv(peer: SshPeer, words: readonly string[]): string[] {
  return sshScriptArgv(peer, words.map(shellWord).join(" "));
}

/** ssh running a script in the remote side's shell. */
export const sshScriptArgv = (peer: SshPeer, script: string): string[] => [
  ...["ssh", ...sshOptions(peer), "-T", peer.host, "--", script],
];

/**
 * A configuration file for ssh with a section for each peer: for Nix, whose one command may talk to two of them while
 * NIX_SSHOPTS holds options for all alike.
 */
export function sshConfig(peers: readonly SshPeer[]): string {
  return peers
    .map((peer) => {
      const words = sshOptions(peer).filter((word) => word.includes("="));
      const lines = words.map((word) => {
        const at = word.indexOf("=");
        const [key, value] = [word.slice(0, at), word.slice(at + 1)];
        // A command takes the rest of its line; elsewhere a blank would begin another argument.
        return `  ${key} ${/\s/.test(value) && key !== "KnownHostsCommand" ? `"${value}"` : value}\n`;
      });
      return `Host ${peer.host}\n${lines.join("")}`;
    })
    .join("\n");
}

/** The store of a peer, for `nix copy --to`. */
export const storeUri = (peer: SshPeer): string => `ssh-ng://${peer.host}`;

/** Lines of a known_hosts file that pin `keys` (`TYPE BASE64`, comments dropped) to a name. */
export function knownHostsLines(host: string, keys: readonly string[]): string {
  return keys.map((key) => `${host} ${key.trim().split(/\s+/).slice(0, 2).join(" ")}\n`).join("");
}

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_^-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What a person can type: for messages. The options of ssh are left out, being the same every time. */
export function commandText(argv: readonly string[]): string {
  const option = (word = "") => word === "-F" || word === "-o";
  const shown =
    argv[0] === "ssh"
      ? argv.filter((word, at) => word !== "-T" && !option(word) && !option(argv[at - 1]))
      : argv;
  return shown.map((word) => (word.includes(" ") && shown[0] === "ssh" ? word : shellWord(word))).join(" ");
}

/** ssh's exit status when it could not connect or lost the connection; a remote command's own is never this here. */
export const sshLost = 255;

const TRANSPORT =
  /connection (timed out|refused|reset|closed)|closed by remote host|no route to host|network is unreachable|could not resolve|name or service not known|operation timed out|broken pipe|timeout, server|failed to start ssh|cannot connect to|kex_exchange_identification|banner exchange|unexpected end-of-file/i;
const IDENTITY =
  /host key verification failed|remote host identification has changed|no .* host key is known/i;
const LOGIN = /permission denied|too many authentication failures/i;

export type SshTrouble = "identity" | "login" | "transport";

/** What kind of trouble an stderr tells of. A wrong host key is never "transport": it must not be tried again. */
export function sshTrouble(stderr: string): SshTrouble | undefined {
  if (IDENTITY.test(stderr)) return "identity";
  if (LOGIN.test(stderr)) return "login";
  return TRANSPORT.test(stderr) ? "transport" : undefined;
}

/** Of ssh's page about another host key what matters; the rest advises to remove the pin. */
export function identityReason(stderr: string): string {
  const shown = /SHA256:[A-Za-z0-9+/]+/.exec(stderr)?.[0];
  return `host key verification failed${shown === undefined ? "" : `: the machine shows ${shown}`}`;
}

export const SSH_HINTS: Record<SshTrouble, string> = {
  identity:
    "the machine at this address shows another host key than the pinned one: it was reinstalled, the address belongs to another machine, or somebody is in between; compare the key on its console before pinning it",
  login: "the host does not accept this key: check PANTHEROS_SSH_KEY and `deploy.authorized_keys`",
  transport:
    "the host does not answer on this address: check that it is up, `deploy.sources` and its firewall",
};
