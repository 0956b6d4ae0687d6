/** Words of a preview that the comment and the summary share. */
import { bytesText } from "../../lib/bytes-text.ts";
import type { Change, PreviewCost, PreviewDocument, PreviewHost, Promotion } from "../document.ts";

export const ACTION_TEXT: Readonly<Record<PreviewHost["action"], string>> = {
  nothing: "nothing",
  deploy: "switch",
  reboot: "switch and reboot",
  stage: "next reboot: up may not reboot it",
  "when-online": "when it is online",
  unreachable: "does not answer, so the run fails",
  install: "install: its machine is new",
  "not-evaluated": "not touched: Nix can't evaluate it",
  "not-probed": "unknown: it was not asked",
  "not-selected": "not selected",
};

/** Hosts that the table lists. */
export const isListed = ({ action }: PreviewHost): boolean =>
  action !== "nothing" && action !== "not-selected";

const SIGNS = [
  ["create", "+"],
  ["import", "="],
  ["update", "~"],
  ["replace", "±"],
  ["delete", "-"],
  ["forget", "forgotten "],
] as const;

/** `+2 ~1 -1`, or `no change`. */
export function countsText({ counts }: PreviewDocument): string {
  const parts = SIGNS.flatMap(([op, sign]) => (counts[op] ? [`${sign}${counts[op]}`] : []));
  return parts.length === 0 ? "no change" : parts.join(" ");
}

const amount = (value: number): string => value.toFixed(2);

/** `23.45 EUR a month (+4.35 EUR a month)`. */
export function costText({ currency, monthly, before, unpriced = [] }: PreviewCost): string {
  const difference = before === undefined ? 0 : Math.round((monthly - before) * 100) / 100;
  const sign = difference > 0 ? "+" : "-";
  const change = difference === 0 ? "" : ` (${sign}${amount(Math.abs(difference))} ${currency} a month)`;
  const more = unpriced.length === 0 ? "" : `, without ${unpriced.length} that the price list lacks`;
  return `${amount(monthly)} ${currency} a month${change}${more}`;
}

export const promotionText = ({ from, allowed, reason }: Promotion): string =>
  allowed ? (reason ?? `${from} confirmed it`) : `refused: ${from} has not confirmed it`;

/** Types whose objects hold data or an address that is lost with them. */
const HOLDS: readonly (readonly [type: RegExp, what: string])[] = [
  [/:Server$/, "its disk is lost"],
  [/:Volume$/, "its data is lost"],
  [/:PrimaryIp$/, "its address is lost"],
  [/:Bucket$/, "its objects are lost"],
  [/^onepassword:Item$/, "its secret is lost"],
  [/:Zone$/, "its records are lost"],
];

/** Why a change is in the caution: it ends something that is protected, or holds data. Undefined: it is not. */
export function cautionOf({ op, type, protected: isProtected }: Change): string | undefined {
  if (op !== "delete" && op !== "replace") return undefined;
  const loss = HOLDS.find(([pattern]) => pattern.test(type))?.[1];
  if (loss === undefined && !isProtected) return undefined;
  return [
    op === "delete" ? "is deleted" : "is replaced",
    ...(loss === undefined ? [] : [`: ${loss}`]),
    ...(isProtected ? ["; it is protected, so the engine refuses the run"] : []),
  ].join("");
}

/** Bytes with a sign: `+2.7 MB`. */
export const growthText = (bytes: number): string => `${bytes < 0 ? "" : "+"}${bytesText(bytes)}`;
