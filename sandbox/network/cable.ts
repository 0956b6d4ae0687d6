import { linkName } from "./names.ts";

/** plugged: as it should be. unplugged: nothing passes, and nobody is told. slow: an eighth of a megabyte a second comes in. */
export type Cable = "plugged" | "unplugged" | "slow";

/** What a slow link lets through to the machine. */
const SLOW = "128 kbytes/second burst 64 kbytes";

/** nft script that makes the machine's link so; one transaction. Before the vendor's firewall, which it leaves alone. */
export function cableScript(machine: string, cable: Cable): string {
  const link = linkName(machine);
  const table = `inet cable_${link.replaceAll("-", "_")}`;
  const fresh = `table ${table}\ndelete table ${table}\n`;
  if (cable === "plugged") return fresh;
  const drop = cable === "unplugged" ? "drop" : `limit rate over ${SLOW} drop`;
  // Out of the machine a slow link lets everything through: answers are small.
  const from = cable === "unplugged" ? `iifname "${link}" drop` : "";
  const chain = (hook: string, ...rules: readonly string[]) =>
    `  chain ${hook} { type filter hook ${hook} priority raw; ${rules.filter(Boolean).join("; ")}; }\n`;
  const to = `oifname "${link}" ${drop}`;
  return `${fresh}table ${table} {
${chain("output", to)}${from === "" ? "" : chain("input", from)}${chain("forward", to, from)}}
`;
}
