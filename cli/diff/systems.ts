/** Which two systems of a host are compared. Pure functions. */
import { isStorePath } from "../../lib/store-path.ts";
import type { HostDetail } from "../../status/detail.ts";
import { UsageError } from "../exit-codes.ts";

/** Names of systems, with their meanings. */
export const SYSTEMS = {
  running: "the running system",
  wanted: "the system that the last run wanted",
  boots: "the system that boots next",
  previous: "the system that was committed before",
  pinned: "the system that it is pinned to",
} as const;

export type SystemName = keyof typeof SYSTEMS;

const isName = (word: string): word is SystemName => Object.hasOwn(SYSTEMS, word);

function pathOf(name: SystemName, { status, deployed }: HostDetail): string | undefined {
  return name === "previous" ? deployed?.previous : status[name];
}

/** A system of the host: its store path, or the number of a generation that the host must be asked for. */
export type SystemReference = { readonly path: string } | { readonly generation: number };

/**
 * @param word a name of SYSTEMS, the number of a generation, or a store path
 * @throws UsageError when it is none of them; Error when the host has no such system
 */
export function systemReference(word: string, detail: HostDetail): SystemReference {
  if (isStorePath(word)) return { path: word };
  if (/^\d{1,9}$/.test(word)) return { generation: Number(word) };
  if (!isName(word)) {
    throw new UsageError(
      `"${word}" is no system: give ${Object.keys(SYSTEMS).join(", ")}, a generation's number or a store path`,
    );
  }
  const path = pathOf(word, detail);
  if (path !== undefined && isStorePath(path)) return { path };
  const why = detail.status.reachable === true ? "it has none" : "not known without an answer of the host";
  throw new Error(`${detail.status.name}: ${SYSTEMS[word]}: ${why}`);
}
