import * as z from "zod";
import { entryOf } from "../../lib/entry-of.ts";
import { sha256 } from "../../lib/sha256.ts";
import { PROGRAMS } from "../programs.ts";
import { hostLine, hostNumber, parseLine } from "../protocol/answer.ts";
import {
  DELIVERIES_VERSION,
  LENGTH_VERSION,
  type SupervisorStatus,
  verbWords,
} from "../protocol/supervisor.ts";
import { type SshPeer, shellWord, sshArgv } from "../ssh.ts";

/** A host's secrets as its supervisor reports them. */
export type PresentSecrets =
  /** Name -> id of its delivery, for each secret that has not changed since. */
  | { readonly deliveries: Readonly<Record<string, string>> }
  /** Name -> SHA-256 of the content, in hexadecimal, from a supervisor before DELIVERIES_VERSION. */
  | { readonly sums: Readonly<Record<string, string>> };

/** The secrets in a status; undefined when the host does not report them, as for a probe key. */
export function presentSecrets(status: SupervisorStatus): PresentSecrets | undefined {
  const { version, deliveries, secrets = {} } = status;
  if (version < DELIVERIES_VERSION) return { sums: secrets };
  return deliveries && { deliveries };
}

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
  /**
   * Id of the delivery, stored beside the secret; its SHA-256 is the token. Empty: the host keeps
   * its mark.
   */
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

export interface DueArgs {
  readonly secret: string;
  /** SHA-256 of the secret. */
  readonly wanted: string;
  /** An unused mark. */
  readonly fresh: string;
  /** The host's secrets; undefined: it did not answer. */
  readonly present: PresentSecrets | undefined;
  readonly converge: "must" | "best-effort";
  /** SHA-256 of what the last delivery in the state brought to the host; undefined: the state has none. */
  readonly last?: string | undefined;
}

export interface Due {
  /**
   * A trigger of the delivery, beside the secret's hash. While the host has the secret of the last
   * delivery, it is that delivery's token, so nothing changes. Otherwise it is a new token, which
   * causes a delivery.
   */
  readonly token: string;
  /**
   * The mark to deliver. The token of the next run is its SHA-256. Empty: the host's own mark has
   * that token already.
   */
  readonly mark: string;
}

/**
 * Decides whether a secret must be delivered. From DELIVERIES_VERSION on, a host reports nothing
 * that depends on a secret's content.
 */
export function dueDelivery({ secret, wanted, last = wanted, fresh, present, converge }: DueArgs): Due {
  if (present === undefined && converge === "best-effort") return { token: OFFLINE_TOKEN, mark: "" };
  if (present !== undefined && "sums" in present) {
    const token = entryOf(present.sums, markOf(secret));
    if (token !== undefined && entryOf(present.sums, secret) === wanted) return { token, mark: "" };
  }
  if (present !== undefined && "deliveries" in present && last === wanted) {
    // An id does not show the content, so it counts only if the last delivery brought the wanted secret.
    const id = entryOf(present.deliveries, secret);
    if (id !== undefined) return { token: sha256(id), mark: id };
  }
  return { token: sha256(fresh), mark: fresh };
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
