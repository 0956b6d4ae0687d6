import { linkName } from "./names.ts";

/** plugged: normal. unplugged: packets are dropped silently. slow: 128 kB/s to the machine. */
export type Cable = "plugged" | "unplugged" | "slow";

/** Limit of a slow link, towards the machine. */
const SLOW_RATE = "128 kbytes/second burst 64 kbytes";

/** nft script, one transaction, that sets the link's state; it does not touch the vendor's firewall. */
export function cableScript(machine: string, cable: Cable): string {
  const link = linkName(machine);
  const table = `inet cable_${link.replaceAll("-", "_")}`;
  const fresh = `table ${table}\ndelete table ${table}\n`;
  if (cable === "plugged") return fresh;
  const drop = cable === "unplugged" ? "drop" : `limit rate over ${SLOW_RATE} drop`;
  // A slow link does not limit what the machine sends: answers are small.
  const from = cable === "unplugged" ? `iifname "${link}" drop` : "";
  const chain = (hook: string, ...rules: readonly string[]) =>
    `  chain ${hook} { type filter hook ${hook} priority raw; ${rules.filter(Boolean).join("; ")}; }\n`;
  const to = `oifname "${link}" ${drop}`;
  return `${fresh}table ${table} {
${chain("output", to)}${from === "" ? "" : chain("input", from)}${chain("forward", to, from)}}
`;
}
