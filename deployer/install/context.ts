/** What the parts of one installation share. */
import type { CommandResult, Runner } from "../process/runner.ts";
import type { InstallResult } from "../protocol/result.ts";
import type { SupervisorStatus } from "../protocol/supervisor.ts";
import type { InstallSpec } from "./spec.ts";
import type { Facts, InstallFiles, InstallStep } from "./steps.ts";

/** The server at the vendor. Each call throws the vendor's error. */
export interface Server {
  /** Opens port 22 to the networks of the spec; the caller of the installation closes it. */
  readonly open: () => Promise<void>;
  /** `running`, `off`, …; undefined when it does not exist. */
  readonly status: () => Promise<string | undefined>;
  /** Overwrites its disk with the disposable system. */
  readonly rebuild: () => Promise<void>;
}

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
