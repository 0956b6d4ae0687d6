/** What the parts of one installation share. */
import type { CommandResult, Runner } from "../process/runner.ts";
import type { InstallResult } from "../protocol/result.ts";
import type { SupervisorStatus } from "../protocol/supervisor.ts";
import type { InstallSpec } from "./spec.ts";
import type { Facts, InstallFiles, InstallStep } from "./steps.ts";

/** A server at its provider. Each call throws the vendor's error. */
export interface Server {
  /** Opens port 22, and the port of the installed machine, to networks. Safe to repeat. */
  readonly open: (ports: readonly number[], sources: readonly string[]) => Promise<void>;
  /** Removes what `open` made, also in a run that was killed. */
  readonly close: () => Promise<void>;
  /** Hint for a failed `open`: the access that it needs. */
  readonly openHint: string;
  /** `running`, `off`, …; undefined when it does not exist. */
  readonly status: () => Promise<string | undefined>;
  /** Overwrites its disk with the disposable system. */
  readonly rebuild: () => Promise<void>;
}

/** A host's server. Its provider reads the vendor's token from the environment. */
export interface ServerReference {
  readonly host: string;
  readonly stack: string;
  /** The vendor's id. */
  readonly server: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** install.ts of a provider's folder. */
export type ServerAt = (reference: ServerReference) => Server;

/** Everything outside the installation's own logic, injected so that tests can replace it. */
export interface InstallTools {
  readonly run: Runner;
  readonly server?: Server | undefined;
  readonly files: InstallFiles;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly progress: (line: string) => void;
}

export interface InstallContext extends InstallTools {
  readonly spec: InstallSpec;
  /** Does a phase's work, prints its progress and measures its time. */
  readonly timed: <T>(phase: string, work: () => Promise<T>) => Promise<T>;
}

/** How an installation ended, without what every result has. */
export type Outcome = Omit<InstallResult, "schemaVersion" | "host" | "seconds">;

/** Which system answers at the host's address: the one the server was created with, or the installed one. */
export type MachineState =
  | { readonly is: "installed"; readonly status: SupervisorStatus }
  | { readonly is: "bootstrap"; readonly facts: Facts }
  | { readonly is: "silent"; readonly step: InstallStep; readonly ran: CommandResult };
