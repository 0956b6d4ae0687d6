/** What an evaluation gives for one host: a target, or the reason why there is none. */
import * as z from "zod";

/** A value of `deployTargets`: nix/lib/deploy-targets.nix. */
const evaluatedTarget = z.object({
  drvPath: z.string(),
  /**
   * Out path. It is not called `outPath`, because Nix turns a set with that attribute into a string
   * in JSON.
   */
  toplevel: z.string(),
  system: z.string(),
  /** Target of the link `toplevel/kernel`. */
  kernel: z.string(),
  /** Name -> value. When a value differs from the running system's, NixOS refuses a live switch. */
  inhibitors: z.record(z.string(), z.string()),
  /** Unit -> target of the link `toplevel/etc/systemd/system/UNIT`. */
  units: z.record(z.string(), z.string()),
  /** disko's script, for the installation. */
  disko: z.object({ drvPath: z.string(), script: z.string() }).optional(),
});

export const target = evaluatedTarget.transform(({ toplevel, ...rest }) => ({ ...rest, outPath: toplevel }));

/** One host as the flake describes it. */
export type Target = z.output<typeof target>;
/** A target in the form that Nix prints. */
export type EvaluatedTarget = z.input<typeof target>;

/** Why one host has no target. */
export interface EvaluationFailure {
  /** The command that shows the error without this program. */
  readonly command: string;
  readonly exitCode?: number;
  readonly reason: string;
  readonly hint: string;
}

export type HostEvaluation = { readonly target: Target } | { readonly failure: EvaluationFailure };

/** Derivations that must be in the store before the target can be deployed or installed. */
export const derivationsOf = ({ drvPath, disko }: EvaluatedTarget): string[] =>
  disko === undefined ? [drvPath] : [drvPath, disko.drvPath];
