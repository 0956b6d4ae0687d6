import * as z from "zod";
import { entryOf } from "../../lib/entry-of.ts";
import { PROGRAMS } from "../programs.ts";
import { hostLine, hostNumber, parseLine } from "../protocol/answer.ts";
import { verbWords } from "../protocol/supervisor.ts";
import { type SshPeer, shellWord, sshArgv } from "../ssh.ts";

/** A host's secrets as its supervisor reports them: name -> SHA-256 of the content, in hexadecimal. */
export type SecretSums = Readonly<Record<string, string>>;

export const deliveryResult = z.object({
  schemaVersion: z.literal(1),
  host: hostLine,
  secret: hostLine,
  outcome: z.enum(["delivered", "offline", "failed"]),
  /** The part that failed: the secret itself, or the mark that confirms its arrival. */
  step: z.enum(["", "secret", "mark"]),
  exitCode: hostNumber,
  reason: hostLine,
});
export type DeliveryResult = z.infer<typeof deliveryResult>;

export interface DeliveryPeer extends Omit<SshPeer, "host" | "pinned"> {
  /** Public host key, `type base64`; no other key is accepted. */
  readonly hostKey: string;
  /** False: the machine has no supervisor yet, so root's shell writes the file. */
  readonly managed: boolean;
  /** Version of its supervisor's protocol; undefined: the probe got no answer, so the delivery reads it first. */
  readonly version?: number | undefined;
  /** Why nothing may be delivered to the host. */
  readonly refused?: string | undefined;
}

/** One delivery, without the secret. */
export interface DeliverySpec {
  readonly host: string;
  readonly secret: string;
  /** Stored beside the secret; its SHA-256 is the token of the delivery. Empty: the host keeps its mark. */
  readonly mark: string;
  /** Limit of each of the two connections. */
  readonly seconds: number;
  readonly peer: DeliveryPeer;
}

/**
 * Replaces the supervisor's verb `secret NAME BYTES`: `$1` is the verb, `$2` the name, `$3` the length. Input of another length
 * was cut off in transit, and the former file stays; the rename makes the new file appear whole.
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

/** From this protocol version on, a supervisor takes the length of a secret and refuses another length. */
const LENGTH_VERSION = 2;

/** The argument LENGTH of deliver.sh. */
const lengthWord = ({ managed, version }: DeliveryPeer): "yes" | "no" | "ask" => {
  if (!managed) return "yes";
  if (version === undefined) return "ask";
  return version >= LENGTH_VERSION ? "yes" : "no";
};

/** Standard input of deliver.sh: the length, which shows whether the secret is complete, and the secret. */
export const deliveryInput = (secret: string): string => `${Buffer.byteLength(secret)}\n${secret}`;

/** The mark's name on the host. */
export const markOf = (secret: string): string => `${secret}.mark`;

/** The token of a best-effort host that does not answer. It is constant, so an offline laptop is not a change. */
const OFFLINE_TOKEN = "offline";

export interface DeliveryTokenArgs {
  readonly secret: string;
  /** SHA-256 of the secret. */
  readonly wanted: string;
  /** SHA-256 of an unused mark. */
  readonly fresh: string;
  /** The host's secrets; undefined: it did not answer. */
  readonly present: SecretSums | undefined;
  readonly converge: "must" | "best-effort";
}

/**
 * A trigger of the delivery, beside the secret. If the host has the wanted content, it is the mark of the last delivery, so
 * nothing changes; otherwise it is a new one, which causes a delivery.
 *
 * The mark makes the trigger of a delivery the same in the next run, when the host has the content.
 */
export function deliveryToken({ secret, wanted, fresh, present, converge }: DeliveryTokenArgs): string {
  if (present === undefined) return converge === "best-effort" ? OFFLINE_TOKEN : fresh;
  const mark = entryOf(present, markOf(secret));
  return mark !== undefined && entryOf(present, secret) === wanted ? mark : fresh;
}

/** ssh command of the program that receives `secret NAME BYTES` and the standard input. */
export function receiverArgv(
  host: string,
  { hostKey, managed, version: _, refused: __, ...peer }: DeliveryPeer,
): string[] {
  const receiver = managed ? verbWords(peer.user, []) : withoutSupervisor;
  return sshArgv({ ...peer, host, pinned: { key: hostKey } }, receiver);
}

/** A command that prints the result of a refused delivery. */
function refusalCommand({ host, secret }: DeliverySpec, reason: string): string {
  const outcome = { outcome: "failed", step: "secret", exitCode: 0 } as const;
  const result: DeliveryResult = { schemaVersion: 1, host, secret, ...outcome, reason };
  return `cat >/dev/null; printf '%s\\n' ${shellWord(JSON.stringify(result))}`;
}

/** Shell command line of a delivery: under 1 kB and without the secret. */
export function deliveryCommand(spec: DeliverySpec): string {
  const { host, secret, mark, seconds, peer } = spec;
  if (peer.refused !== undefined) return refusalCommand(spec, peer.refused);
  const args = [host, secret, mark, String(seconds), lengthWord(peer)];
  const words = [PROGRAMS.deliverSecret, ...args, ...receiverArgv(host, peer)];
  return ["sh", ...words.map(shellWord)].join(" ");
}

/** Reads the script's last line. The rest of the output is dropped, since it could contain the secret. */
export function parseDelivery(stdout: string): DeliveryResult {
  const result = parseLine(deliveryResult, stdout.trim().split("\n").at(-1) ?? "");
  if (result === undefined) throw new Error(`${PROGRAMS.deliverSecret} did not print a result`);
  return result;
}
