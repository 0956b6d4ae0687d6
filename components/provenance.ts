/** Origin of a deploy: the flake's commit, whether its directory has uncommitted changes, and who started the run. */
import type { Checkout } from "../deployer/checkout.ts";
import { actor, actorText, MAX_ACTOR_CHARACTERS } from "../lib/actor.ts";

export interface Provenance {
  /** null: the flake is not in a Git repository. */
  readonly commit: string | null;
  /** The flake's directory has uncommitted changes. */
  readonly dirty: boolean | null;
  readonly by: string;
}

interface ProvenanceOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** User of the inventory who approved this deploy before its time. */
  readonly approvedBy?: string | undefined;
}

export function provenance(
  { commit, dirty }: Pick<Checkout, "commit" | "dirty">,
  { env = process.env, approvedBy }: ProvenanceOptions = {},
): Provenance {
  const suffix = approvedBy === undefined ? "" : `, approved by ${actorText(approvedBy)}`;
  const by = actor(env);
  return { commit, dirty, by: by.slice(0, MAX_ACTOR_CHARACTERS - suffix.length) + suffix };
}
