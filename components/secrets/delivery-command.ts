import * as z from "zod";
import { type SshPeer, shellWord, sshArgv } from "../nixos-host/ssh.ts";
import { verbWords } from "../nixos-host/supervisor.ts";

/** Relative to the project's directory, where the engine starts programs and plugins. */
export const deliverScript = "components/secrets/deliver.sh";

/** Secrets that a host has, as its supervisor reports them: name -> SHA-256 of the content, in hexadecimal. */
export type SecretSums = Readonly<Record<string, string>>;

/** What came of a delivery. */
export const deliveryResult = z.object({
  schemaVersion: z.literal(1),
  host: z.string(),
  secret: z.string(),
  outcome: z.enum(["delivered", "offline", "failed"]),
  /** Which part failed: the secret itself, or the mark that says it arrived. */
  step: z.enum(["", "secret", "mark"]),
  exitCode: z.int(),
  reason: z.string(),
});
export type DeliveryResult = z.infer<typeof deliveryResult>;

/** How to reach the host. */
export interface DeliveryPeer extends Omit<SshPeer, "host" | "pinned"> {
  /** Public host key, `type base64`: the only one that is accepted. */
  readonly hostKey: string;
  /** False: a machine that was never managed. It has no supervisor, so root's shell puts the file in its place. */
  readonly managed: boolean;
}

/** One delivery, without the secret. */
export interface DeliverySpec {
  readonly host: string;
  readonly secret: string;
  /** What the host keeps beside the secret; its SHA-256 is the token of the delivery. Empty: the mark stays as it is. */
  readonly mark: string;
  /** Bound of each of the two connections. */
  readonly seconds: number;
  readonly peer: DeliveryPeer;
}

/** Stands in for the supervisor's verb `secret NAME`: `$1` is the verb, `$2` the name. The rename makes it whole or absent. */
const withoutSupervisor = [
  "sh",
  "-c",
  'umask 077; d=/var/lib/pantheros/secrets; mkdir -p "$d" && cat >"$d/.$2" && mv "$d/.$2" "$d/$2"',
  "secret",
];

/** The mark's name on the host. */
export const markOf = (secret: string): string => `${secret}.mark`;

/** The token of hosts that need not answer and do not: always the same, so that a closed laptop is no change. */
const offlineToken = "offline";

/** What decides whether a delivery is due. */
export interface DeliveryTokenArgs {
  readonly secret: string;
  /** SHA-256 of the secret. */
  readonly wanted: string;
  /** SHA-256 of a mark never used before. */
  readonly fresh: string;
  /** What the host has; undefined: it did not answer. */
  readonly present: SecretSums | undefined;
  readonly converge: "must" | "best-effort";
}

/**
 * What the delivery depends on beside the secret. When the host has the wanted content, this is the mark that the last delivery
 * left there, so nothing changes; when it has not, it is a fresh one, which causes a delivery.
 *
 * A mark is needed because the same content must give the same trigger after a delivery as it had during it.
 */
export function deliveryToken({ secret, wanted, fresh, present, converge }: DeliveryTokenArgs): string {
  if (present === undefined) return converge === "best-effort" ? offlineToken : fresh;
  const mark = present[markOf(secret)];
  return mark !== undefined && present[secret] === wanted ? mark : fresh;
}

/** Words of ssh to what takes `secret NAME` and standard input. */
export function receiverArgv(host: string, { hostKey, managed, ...peer }: DeliveryPeer): string[] {
  const receiver = managed ? verbWords(peer.user, []) : withoutSupervisor;
  return sshArgv({ ...peer, host, pinned: { key: hostKey } }, receiver);
}

/** Shell command line of a delivery: no secret in it, under 1 kB. */
export function deliveryCommand(spec: DeliverySpec): string {
  const { host, secret, mark, seconds, peer } = spec;
  const words = [deliverScript, host, secret, mark, String(seconds), ...receiverArgv(host, peer)];
  return ["sh", ...words.map(shellWord)].join(" ");
}

/** Reads the script's line; the rest of the output, if any, is dropped: it may repeat the secret. */
export function parseDelivery(stdout: string): DeliveryResult {
  try {
    return deliveryResult.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  } catch {
    throw new Error(`${deliverScript} did not print a result`);
  }
}
