/** Argument vectors for OpenSSH. Every connection to a host uses these, so host keys are always checked. */
import { resolve } from "node:path";
import * as z from "zod";
import { port, SSH_PORT } from "../inventory/primitives.ts";
import { DEFAULT_SECONDS } from "../inventory/seconds.ts";
import { shortName } from "../lib/short-name.ts";
import { PROGRAMS } from "./programs.ts";

/** A jump host on the way to a peer. It is logged into with the peer's identity. */
export const sshJump = z.strictObject({
  /**
   * The inventory's name, or the address of a machine outside of it. Its host key is pinned under
   * this name.
   */
  host: z.string().regex(/^[a-z0-9][a-z0-9.:-]*$/),
  address: z.string().min(1),
  port: port.default(SSH_PORT),
  user: z.string().min(1),
  /** Pinned public host key, `TYPE BASE64`. */
  hostKey: z.string().min(1),
});
export type SshJump = z.infer<typeof sshJump>;

export interface SshPeer {
  /** The inventory's name. Host keys are pinned under it, and process lists show it. */
  readonly host: string;
  readonly address: string;
  /** 22 when left out. */
  readonly port?: number | undefined;
  readonly user: string;
  /** A file with a line `HOST TYPE KEY` for each pinned key, or the one pinned key itself (`TYPE BASE64`). */
  readonly pinned: { readonly file: string } | { readonly key: string };
  /**
   * Jump hosts from the runner on: each is reached through those before it, and the peer through
   * the last.
   */
  readonly jumps?: readonly SshJump[] | undefined;
  /** File of a private key. Without it the keys of the agent and of the user are tried. */
  readonly identity?: string | undefined;
  /** Seconds to connect to each machine on the way, banner and key exchange included. */
  readonly connectSeconds?: number | undefined;
  /**
   * Control socket of a shared connection (openConnectionArgv); when it is closed, ssh makes its own. Absent: always an own
   * connection, which proves that the host can be reached.
   */
  readonly shared?: string | undefined;
  /**
   * The connection carries no secret, as for the supervisor's verbs: the key exchange sntrup761 is left out. It protects recorded
   * traffic from future quantum computers, and costs 0.1 s of processor time on an older ssh (OpenSSH 9.2 of Debian 12, measured;
   * X25519 alone 0.01 s). The equivalent of ssh 9.9 and later, ML-KEM, is cheap and stays.
   */
  readonly carriesNoSecret?: boolean | undefined;
}

/** Seconds between keep-alives, and how many may be unanswered: a session with a dead peer ends after 15 s. */
const ALIVE_SECONDS = 5;
const ALIVE_COUNT = 3;

/** Options for ssh, each with its reason. Those in `first` take precedence, because ssh uses the first value of an option. */
function sshOptions(
  peer: SshPeer,
  {
    first = [],
    log,
  }: { readonly first?: readonly (readonly [string, string])[]; readonly log?: string } = {},
): string[] {
  const { jumps = [] } = peer;
  const connectSeconds = (peer.connectSeconds ?? DEFAULT_SECONDS.connect) * (1 + jumps.length);
  const options: (readonly [string, string])[] = [
    ...first,
    // The host argument stays the inventory's name, so that store URIs need no brackets for IPv6.
    ["HostName", escapeTokens(peer.address)],
    ["Port", String(peer.port ?? SSH_PORT)],
    ["User", peer.user],
    ["HostKeyAlias", peer.host], // keys are pinned by name, because addresses are reused
    ...pins(peer), // only the keys that this program pinned
    ["GlobalKnownHostsFile", "/dev/null"], // and none of the runner's
    ["StrictHostKeyChecking", "yes"], // an unknown or a different key ends the connection
    ["UpdateHostKeys", "no"], // a host cannot add keys to the pins
    ["BatchMode", "yes"], // never waits for an answer to a prompt
    ["ConnectTimeout", String(connectSeconds)], // also bounds a silent sshd
    ["ServerAliveInterval", String(ALIVE_SECONDS)], // detects a dead host
    ["ServerAliveCountMax", String(ALIVE_COUNT)],
    ["ControlMaster", "no"], // shared connections are opened by openConnectionArgv only
    ["ControlPath", peer.shared === undefined ? "none" : escapeTokens(peer.shared)],
    // AES-GCM first, which processors accelerate. ssh's default, ChaCha20, takes more than twice the processor time (500 MB: 0.9 s
    // against 0.4 s, OpenSSH 9.2, measured); it remains for a sshd without AES-GCM.
    ["Ciphers", "^aes256-gcm@openssh.com,aes128-gcm@openssh.com"],
    ["ForwardAgent", "no"],
    ["LogLevel", "ERROR"], // stderr has errors only
  ];
  const last = jumps.at(-1);
  if (last !== undefined) options.push(["ProxyCommand", jumpCommand(peer, last, log)]);
  if (peer.carriesNoSecret && peer.shared === undefined) options.push(["KexAlgorithms", "-sntrup761*"]);
  if (peer.identity !== undefined) {
    options.push(["IdentityFile", pathWord(peer.identity)]);
    options.push(["IdentitiesOnly", "yes"]); // many keys of an agent would exhaust MaxAuthTries
  }
  // -F /dev/null: the user's ssh configuration is ignored.
  return ["-F", "/dev/null", ...options.flatMap(([key, value]) => ["-o", `${key}=${value}`])];
}

/** Escapes the `%` tokens of ssh. */
const escapeTokens = (text: string): string => text.replaceAll("%", "%%");

/** Quotes a path for an option whose value ssh splits into words. */
const pathWord = (path: string): string => {
  const escaped = escapeTokens(path);
  return /[\s"'\\#]/.test(path) ? `"${escaped.replace(/["\\]/g, "\\$&")}"` : escaped;
};

/**
 * The command that connects to a peer through its last jump host. ProxyJump is not used, because
 * the ssh that it starts has none of these options, and so neither the pinned keys nor the
 * identity.
 */
function jumpCommand({ address, port = SSH_PORT, ...peer }: SshPeer, jump: SshJump, log = "-"): string {
  const { hostKey, ...hop } = jump;
  const to = {
    ...hop,
    pinned: { key: hostKey },
    identity: peer.identity,
    connectSeconds: peer.connectSeconds,
    jumps: peer.jumps?.slice(0, -1),
  };
  // At ERROR, ssh would not print why the jump host cannot connect to the next machine.
  const options = sshOptions(to, { first: [["LogLevel", "INFO"]], log });
  const target = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const words = ["sh", resolve(PROGRAMS.jump), jump.host, log, "ssh", ...options, "-W", target, jump.host];
  return escapeTokens(words.map(shellWord).join(" "));
}

/** Seconds without use after which ssh closes a shared connection, in case the program that opened it is gone. */
const IDLE_SECONDS = 60;

/** Files of a shared connection, in a private directory. */
export interface SharedFiles {
  /** Control socket, for SshPeer.shared. */
  readonly control: string;
  /** Forwarded socket of the peer's Nix daemon. */
  readonly daemon: string;
  /** ssh's log of the connection. */
  readonly log: string;
}

/** The daemon's socket on NixOS. */
const DAEMON_SOCKET = "/nix/var/nix/daemon-socket/socket";

/**
 * Opens a shared connection in the background, with the peer's Nix daemon forwarded to a local socket. Exit 0 means that it is open.
 * A sshd that does not forward sockets reports that only when the socket is used (forwardingRefused).
 */
export const openConnectionArgv = (peer: SshPeer, { control, daemon, log }: SharedFiles): string[] => [
  "ssh",
  ...sshOptions(peer, {
    first: [
      ["ControlMaster", "auto"], // unlike "yes", it replaces a stale socket
      ["ControlPath", escapeTokens(control)],
      ["ControlPersist", String(IDLE_SECONDS)],
      ["ExitOnForwardFailure", "yes"],
      ["StreamLocalBindUnlink", "yes"], // replaces the socket of a lost connection
      ["LogLevel", "INFO"], // at ERROR the log would not say why a connection ended
    ],
    log,
  }),
  ...["-E", log, "-L", `${escapeTokens(daemon)}:${DAEMON_SOCKET}`, "-N", peer.host],
];

/** Closes a shared connection when its last session has ended; new sessions do not use it. Fails when there is none. */
export const closeConnectionArgv = (host: string, { control }: SharedFiles): string[] => [
  ...["ssh", "-F", "/dev/null", "-o", `ControlPath=${escapeTokens(control)}`, "-O", "stop", host],
];

/** Whether a sshd refused to forward the daemon's socket. */
export const forwardingRefused = (stderr: string): boolean => /^channel \d+: open failed: /m.test(stderr);

/** Longest path of a socket in bytes: sun_path of macOS without the final zero, less 17 that ssh appends while it makes one. */
const MAX_SOCKET_BYTES = 104 - 1 - 17;

/** The files of a machine's connection; undefined when the directory's path is too long for a socket. */
export function sharedFiles(directory: string, host: string): SharedFiles | undefined {
  const room = MAX_SOCKET_BYTES - Buffer.byteLength(`${directory}/.ssh`);
  // A long name is cut and gets a hash; with less room two hosts could collide.
  if (host.length > room && room < 16) return undefined;
  const base = `${directory}/${shortName(host, room)}`;
  return { control: `${base}.ssh`, daemon: `${base}.nix`, log: `${base}.log` };
}

/** Signature algorithms of a key type. Source: ssh_config(5), "HostKeyAlgorithms". SHA-1 is off since OpenSSH 8.8. */
const algorithmsOf = (type: string): string => (type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type);

/** Without a file, the pinned key comes from a command (KnownHostsCommand, since OpenSSH 8.5 of 2021). */
function pins({ host, pinned }: SshPeer): [string, string][] {
  if ("file" in pinned) return [["UserKnownHostsFile", pathWord(pinned.file)]];
  const [type = "", key = ""] = pinned.key.trim().split(/\s+/);
  return [
    ["UserKnownHostsFile", "none"],
    ["KnownHostsCommand", `/usr/bin/env echo ${host} ${type} ${key}`],
    // ssh prefers the key types in a known_hosts file, but not those of a command: without this the host could show its other key.
    ...(type === "ssh-ed25519"
      ? []
      : ([["HostKeyAlgorithms", `^${algorithmsOf(type)}`]] as [string, string][])),
  ];
}

/**
 * The ProxyCommand for a peer behind jump hosts, for programs that call ssh with their own options.
 * Empty for a peer without jump hosts.
 */
export const jumpOptions = (peer: SshPeer): string[] =>
  peer.jumps?.length ? sshOptions(peer).filter((word) => word.startsWith("ProxyCommand=")) : [];

/** Runs `words` on the peer. Each word is quoted for the remote shell. */
export function sshArgv(peer: SshPeer, words: readonly string[]): string[] {
  return sshScriptArgv(peer, words.map(shellWord).join(" "));
}

/** Runs a script in the peer's login shell. */
export const sshScriptArgv = (peer: SshPeer, script: string): string[] => [
  ...["ssh", ...sshOptions(peer), "-T", peer.host, "--", script],
];

/**
 * An ssh configuration file with a section for each peer. Nix needs it, because one command may connect to two peers while NIX_SSHOPTS
 * has one set of options.
 */
export function sshConfig(peers: readonly SshPeer[]): string {
  return peers
    .map((peer) => {
      const words = sshOptions(peer).filter((word) => word.includes("="));
      const lines = words.map((word) => {
        const at = word.indexOf("=");
        const [key, value] = [word.slice(0, at), word.slice(at + 1)];
        // A command is the rest of its line; other values with a blank must be quoted.
        const isWhole = key === "KnownHostsCommand" || key === "ProxyCommand" || value.startsWith('"');
        return `  ${key} ${/\s/.test(value) && !isWhole ? `"${value}"` : value}\n`;
      });
      return `Host ${peer.host}\n${lines.join("")}`;
    })
    .join("\n");
}

/** The peer's store, for `nix copy --to`. */
export const storeUri = (peer: SshPeer): string => `ssh-ng://${peer.host}`;

/** known_hosts lines that pin `keys` (`TYPE BASE64`; comments are dropped) to a name. */
export function knownHostsLines(host: string, keys: readonly string[]): string {
  return keys.map((key) => `${host} ${key.trim().split(/\s+/).slice(0, 2).join(" ")}\n`).join("");
}

/** Quotes a word for a POSIX shell. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_^-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command for messages, as a person would type it. The options of ssh are omitted. */
export function commandText(argv: readonly string[]): string {
  const option = (word = "") => word === "-F" || word === "-o";
  const shown =
    argv[0] === "ssh"
      ? argv.filter((word, at) => word !== "-T" && !option(word) && !option(argv[at - 1]))
      : argv;
  return shown.map((word) => (word.includes(" ") && shown[0] === "ssh" ? word : shellWord(word))).join(" ");
}

const TRANSPORT =
  /connection (timed out|refused|reset|closed)|closed by remote host|no route to host|network is unreachable|could not resolve|name or service not known|operation timed out|broken pipe|timeout, server|failed to start ssh|cannot connect to|kex_exchange_identification|banner exchange|unexpected end-of-file/i;
const IDENTITY =
  /host key verification failed|remote host identification has changed|no .* host key is known/i;
const LOGIN = /permission denied|too many authentication failures/i;
/** The message of a jump host whose sshd refuses to forward. */
const FORWARDING = /^(jump \S+: )+channel \d+: open failed: administratively prohibited/m;

export type SshTrouble = "identity" | "login" | "forwarding" | "transport";

/** Classifies ssh's stderr. A wrong host key is never "transport", because it must not be retried. */
export function sshTrouble(stderr: string): SshTrouble | undefined {
  if (IDENTITY.test(stderr)) return "identity";
  if (LOGIN.test(stderr)) return "login";
  if (FORWARDING.test(stderr)) return "forwarding";
  return TRANSPORT.test(stderr) ? "transport" : undefined;
}

/** Shortens ssh's warning about a different host key; the rest of it advises to remove the pin. */
export function identityReason(stderr: string): string {
  const shown = /SHA256:[A-Za-z0-9+/]+/.exec(stderr)?.[0];
  const jump = failedJump(stderr);
  const where = jump === undefined ? "" : `jump ${jump}: `;
  return `${where}host key verification failed${shown === undefined ? "" : `: the machine shows ${shown}`}`;
}

/** The jump host that an error of ssh is about; undefined when it is about the host itself (jump.sh). */
export function failedJump(stderr: string): string | undefined {
  const lines = stderr.split(/\r?\n/).flatMap((line) => {
    const [, jump, message] = /^(?:jump \S+: )*jump (\S+): (.*)$/.exec(line) ?? [];
    const isError = message !== undefined && (sshTrouble(line) ?? sshTrouble(message)) !== undefined;
    return isError && jump !== undefined ? [jump] : [];
  });
  return lines[0];
}

/**
 * The remedy for ssh's stderr, on the jump host when the error is about it; undefined without an
 * error of ssh.
 */
export function sshHint(stderr: string): string | undefined {
  const trouble = sshTrouble(stderr);
  if (trouble === undefined) return undefined;
  const jump = failedJump(stderr);
  if (jump === undefined) return SSH_HINTS[trouble];
  if (
    trouble === "transport" &&
    /^(jump \S+: )+(channel \d+: open failed|stdio forwarding failed)/m.test(stderr)
  ) {
    return `the jump host ${jump} does not reach the host: check that the host is up, its address, and that its firewall admits the jump host (\`ssh.sources\`)`;
  }
  return JUMP_HINTS[trouble](jump);
}

const JUMP_HINTS: Record<SshTrouble, (jump: string) => string> = {
  identity: (jump) =>
    `the jump host ${jump} shows another host key than the pinned one: it was reinstalled, the address belongs to another machine, or somebody is in between; compare the key on its console before pinning it`,
  login: (jump) =>
    `the jump host ${jump} does not accept this key: check PANTHEROS_SSH_KEY, and the user and authorized keys there`,
  forwarding: (jump) =>
    `sshd of the jump host ${jump} does not forward to the host: set AllowTcpForwarding there, and PermitOpen or permitopen to the host's address and port`,
  transport: (jump) =>
    `the jump host ${jump} does not answer: check that it is up, its address in \`ssh.jump\`, and its firewall`,
};

const SSH_HINTS: Record<SshTrouble, string> = {
  identity:
    "the machine at this address shows another host key than the pinned one: it was reinstalled, the address belongs to another machine, or somebody is in between; compare the key on its console before pinning it",
  forwarding: "a jump host does not forward the connection: set AllowTcpForwarding there",
  login: "the host does not accept this key: check PANTHEROS_SSH_KEY and `deploy.authorized_keys`",
  transport:
    "the host does not answer on this address: check that it is up, `deploy.sources` and its firewall",
};
