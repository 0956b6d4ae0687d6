import type { StackOutputs } from "../../outputs/contract.ts";
import type { CommandResult } from "../machines/command.ts";
import type { RunbookName } from "./names.ts";

/** The fleet in the sandbox that a rehearsal breaks and restores; tests use a fake of it. */
export interface World {
  /** The checkout of the fleet's Git repository. */
  readonly checkout: string;
  /** The bare repository that it was cloned from. */
  readonly origin: string;
  /** A directory outside of the vendors, for a copy of the dumps. */
  readonly copies: string;
  /** A value of the sandbox's secrets.env. @throws Error without one */
  secret(name: string): string;
  /** Runs a line of shell as a person types it; its output is shown. @throws Error unless it ends with 0 */
  type(line: string): Promise<void>;
  /** Runs a program of this computer in the sandbox's network; its output is not shown. */
  read(argv: readonly string[], input?: string): Promise<CommandResult>;
  /** Runs a script as root on a machine, without its sshd. */
  onHost(host: string, script: string, input?: string): Promise<CommandResult>;
  /** The stack's outputs; undefined before the first run. */
  outputs(): Promise<StackOutputs | undefined>;
  /** What a preview would change, as `operation resource`. */
  changes(): Promise<readonly string[]>;
  /** The emulated 1Password. */
  readonly vault: {
    /** @throws Error when the reference leads nowhere */
    read(reference: string): string;
    /** Titles of all items. 1Password accepts several items of one title, and `op` then reads none of them. */
    titles(): readonly string[];
    /** Replaces a host's service account: the old token is refused from then on, and the item has the new one. */
    rotateAccount(host: string): void;
    /** Deletes the items that the program made for keys of the tailnet. */
    removeTailnetKeys(): void;
  };
  /** Starts vendors and adopted machines that do not exist, without a run of Pulumi. */
  startVendors(): Promise<void>;
  /** Removes state, vendors, machines and checkout. What is left is the Git repository and the vault. */
  loseEverything(): Promise<void>;
}

/** What a break remembers for the check, such as the id of the lost server. */
export type Lost = Readonly<Record<string, string>>;

/** What a person does. Words in capitals, such as HOST, are replaced by `values` of the runbook. */
export type Step =
  | {
      /** Typed in the checkout on the runner, for a real stack. */
      readonly on: "runner";
      readonly text: string;
      /** Left out of a rehearsal, for this reason. */
      readonly sandboxSkips?: string;
    }
  | {
      /** Typed as root on HOST. */
      readonly on: "host";
      readonly text: string;
    }
  | {
      /** Done in a vendor's console. */
      readonly on: "console";
      readonly text: string;
      /** Does the same to the emulated vendor. */
      act(world: World): Promise<void> | void;
    };

export interface Runbook {
  /**
   * The argument of `tools/pantheros rehearse`, the name of its result's file, and the key of `[budgets.recovery]` that
   * has its target.
   */
  readonly name: RunbookName;
  /** What was lost, as a heading. */
  readonly title: string;
  /** How a person notices the loss. */
  readonly noticed: string;
  /** Values of the words in capitals in the sandbox. */
  readonly values: Readonly<Record<string, string>>;
  /** Makes what the break destroys; can be repeated. */
  prepare?(world: World): Promise<void>;
  /** What a rehearsal destroys. */
  readonly broken: string;
  /** Destroys it. */
  breaks(world: World): Promise<Lost>;
  readonly steps: readonly Step[];
  /** What is true afterwards. */
  readonly restored: string;
  /** What is not restored yet, one line each; empty: everything is. */
  problems(world: World, lost: Lost): Promise<readonly string[]>;
  /** What a person must know besides the steps, in Markdown. */
  readonly notes?: string;
}
