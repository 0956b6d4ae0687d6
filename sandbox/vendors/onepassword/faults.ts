import { dirname } from "node:path";
import { faultFor, type Hit } from "../faults.ts";
import { OpError } from "./items.ts";

const CHANGES = new Set(["item create", "item edit", "item delete"]);

const wait = (milliseconds: number) =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

function hold(hit: Hit): void {
  while (hit.isActive()) wait(20);
}

/** Messages as in public reports of `op` (its status in brackets). */
const REFUSED = "(403) Forbidden: You are not authorized to perform this action.";
const UNAVAILABLE = "(503) Service Unavailable";
const LIMITED = "(429) Too Many Requests: You've reached the maximum number of this type of requests";
const NOT_JSON = "invalid character '<' looking for beginning of value";
const LOST = 'Post "https://sandbox.1password.test/api": EOF';

/**
 * Runs a command of `op` with the injected faults (../faults.ts); the vault file is in the sandbox's directory.
 * @throws OpError with the real command's message
 */
export function withFaults(vault: string, name: string, command: () => string): string {
  const changes = CHANGES.has(name);
  const hit = faultFor(dirname(vault), { vendor: "onepassword", method: "op", path: name, changes });
  if (hit === undefined) return command();
  const { fault, seconds } = hit.rule;
  if (fault === "drop-answer" || fault === "hold-answer") {
    const output = command();
    hit.log();
    if (fault === "drop-answer") throw new OpError(LOST);
    hold(hit);
    return output;
  }
  hit.log();
  if (fault === "cut-answer") {
    const output = command();
    return output.slice(0, output.length / 2);
  }
  if (fault === "empty") return "";
  if (fault === "login-page" || fault === "redirect") throw new OpError(NOT_JSON);
  if (fault === "refuse") throw new OpError(REFUSED);
  if (fault === "unavailable") throw new OpError(UNAVAILABLE);
  if (fault === "rate-limit") throw new OpError(LIMITED);
  if (fault === "drop") throw new OpError(LOST);
  if (fault === "slow") wait(seconds * 1000);
  else hold(hit);
  return command();
}
