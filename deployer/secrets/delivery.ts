import * as z from "zod";
import { PROGRAMS } from "../programs.ts";
import { hostLine, hostNumber, parseLine } from "../protocol/answer.ts";
import { verbWords } from "../protocol/supervisor.ts";
import { type SshPeer, shellWord, sshArgv } from "../ssh.ts";

/** Secrets that a host has, as its supervisor reports them: name -> SHA-256 of the content, in hexadecimal. */
export type SecretSums = Readonly<Record<string, string>>;

/** What came of a delivery. */
export const deliveryResult = z.object({
  schemaVersion: z.literal(1),
  host: hostLine,
  secret: hostLine,
  outcome: z.enum(["delivered", "offline", "failed"]),
  /** Which part failed: the secret itself, or the mark that says it arrived. */
  step: z.enum(["", "secret", "mark"]),
  exitCode: hostNumber,
  reason: hostLine,
});
export type DeliveryResult = z.infer<typeof deliveryResult>;

/** How to reach the host. */
export interface DeliveryPeer extends Omit<SshPeer, "host" | "pinned"> {
  /** Public host key, `type base64`: the only one that is accepted. */
  readonly hostKey: string;
  /** False: a machine that was never managed. It has no supervisor, so root's shell puts the file in its place. */
  readonly managed: boolean;
  /** Of its supervisor's protocol; undefined: it did not answer, and is asked before it is given anything. */
  readonly version?: number | undefined;
  /** Why nothing may be brought to it. */
  readonly refused?: string | undefined;
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

/**
 * Stands in for the supervisor's verb `secret NAME BYTES`: `$1` is the verb, `$2` the name, `$3` the length. What is shorter was cut on
 * its way, and leaves the file of before; the rename makes it whole or absent.
 */
const withoutSupervisor = [
  "sh",
  "-c",
  [
    'umask 077; d=/var/lib/pantheros/secrets; new=$d/.$2; mkdir -p "$d" && cat >"$new"',
    'if [ "$(wc -c <"$new")" -eq "$3" ]; then mv "$new" "$d/$2"; else rm -f "$new"; exit 2; fi',
  ].join(" && "),
  "secret",
];

/** From this version on a supervisor takes the length of a secret, and refuses one of another length. */
const TAKES_LENGTH = 2;

/** deliver.sh's word for whether the length is passed. */
const lengthWord = ({ managed, version }: DeliveryPeer): "yes" | "no" | "ask" => {
  if (!managed) return "yes";
  if (version === undefined) return "ask";
  return version >= TAKES_LENGTH ? "yes" : "no";
};

/** What deliver.sh reads: the length, so that it can be told from a part of it, and the secret. */
export const deliveryInput = (secret: string): string => `${Buffer.byteLength(secret)}\n${secret}`;

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
  const of = (name: string) => (Object.hasOwn(present, name) ? present[name] : undefined);
  const mark = of(markOf(secret));
  return mark !== undefined && of(secret) === wanted ? mark : fresh;
}

/** Words of ssh to what takes `secret NAME BYTES` and standard input. */
export function receiverArgv(
  host: string,
  { hostKey, managed, version: _, refused: __, ...peer }: DeliveryPeer,
): string[] {
  const receiver = managed ? verbWords(peer.user, []) : withoutSupervisor;
  return sshArgv({ ...peer, host, pinned: { key: hostKey } }, receiver);
}

/** The result of a delivery to a host that nothing may be brought to. */
function refusal({ host, secret }: DeliverySpec, reason: string): string {
  const outcome = { outcome: "failed", step: "secret", exitCode: 0 } as const;
  const result: DeliveryResult = { schemaVersion: 1, host, secret, ...outcome, reason };
  return `cat >/dev/null; printf '%s\\n' ${shellWord(JSON.stringify(result))}`;
}

/** Shell command line of a delivery: no secret in it, under 1 kB. */
export function deliveryCommand(spec: DeliverySpec): string {
  const { host, secret, mark, seconds, peer } = spec;
  if (peer.refused !== undefined) return refusal(spec, peer.refused);
  const told = [host, secret, mark, String(seconds), lengthWord(peer)];
  const words = [PROGRAMS.deliverSecret, ...told, ...receiverArgv(host, peer)];
  return ["sh", ...words.map(shellWord)].join(" ");
}

/** Reads the script's line; the rest of the output, if any, is dropped: it may repeat the secret. */
export function parseDelivery(stdout: string): DeliveryResult {
  const result = parseLine(deliveryResult, stdout.trim().split("\n").at(-1) ?? "");
  if (result === undefined) throw new Error(`${PROGRAMS.deliverSecret} did not print a result`);
  return result;
}
