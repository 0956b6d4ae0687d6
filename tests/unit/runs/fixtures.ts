/** Events of the engine, in the form of Pulumi 3.258, and of a run. */
import type { RunEvent } from "../../../runs/contract.ts";

const URN = "urn:pulumi:production::pantheros::pantheros:fleet:Fleet$pantheros:nixos:Host$";
const COMMAND = "command:local:Command";
export const deployUrn = (host: string, kind = "deploy"): string => `${URN}${COMMAND}::${host}-${kind}`;

const resource = (op: string, urn: string, outputs: object) => ({
  metadata: {
    op,
    urn,
    type: urn.split("::").at(-2)?.split("$").at(-1) ?? "",
    old: null,
    // Everything that a resource has is in the event.
    new: { inputs: { environment: { TOKEN: PLANTED } }, outputs },
  },
});

/** Must be in nothing that is made of the events. */
export const PLANTED = "planted-9f8e7d6c5b4a";

/** Events by what they say. */
export const engine = {
  prelude: { preludeEvent: { config: { "pantheros:planted": PLANTED } } },
  debug: { diagnosticEvent: { severity: "debug", message: `the token is ${PLANTED}\n` } },
  plan: (hosts: object) => ({
    diagnosticEvent: { severity: "debug", message: `pantheros hosts: ${JSON.stringify(hosts)}\n` },
  }),
  info: (host: string, message: string) => ({
    diagnosticEvent: { urn: deployUrn(host), severity: "info", message: `${message}\n`, ephemeral: true },
  }),
  message: (severity: string, message: string) => ({ diagnosticEvent: { severity, message } }),
  begin: (op: string, urn: string) => ({ resourcePreEvent: resource(op, urn, {}) }),
  done: (op: string, urn: string, outputs: object = {}) => ({ resOutputsEvent: resource(op, urn, outputs) }),
  failed: (op: string, urn: string) => ({ resOpFailedEvent: resource(op, urn, {}) }),
  outputs: (hosts: object) => ({
    resOutputsEvent: resource(
      "same",
      "urn:pulumi:production::pantheros::pulumi:pulumi:Stack::pantheros-production",
      {
        hosts,
        other: PLANTED,
      },
    ),
  }),
  interrupt: { stdoutEvent: { message: "^C received; cancelling. If you would like to…\n" } },
  summary: (result: string, isPreview = false) => ({
    summaryEvent: {
      maybeCorrupt: false,
      durationSeconds: 4,
      resourceChanges: { create: 1, same: 7 },
      isPreview,
      result,
    },
  }),
  cancel: { cancelEvent: {} },
};

/** 2026-01-01T00:00:00Z. */
const BEGIN = 1767225600;

/** A log of these events, one second apart. */
export const logOf = (events: readonly object[]): string =>
  events
    .map((event, index) => `${JSON.stringify({ sequence: index, timestamp: BEGIN + index, ...event })}\n`)
    .join("");

export const deployResult = (host: string, more: object = {}): string =>
  JSON.stringify({
    schemaVersion: 1,
    host,
    outcome: "confirmed",
    token: "t",
    seconds: { build: 2.5 },
    ...more,
  });

export const startOf = (id: string, more: object = {}): RunEvent => ({
  type: "start",
  schemaVersion: 1,
  id,
  at: "2026-01-01T00:00:00.000Z",
  stack: "production",
  command: "up",
  by: "ann",
  commit: "0123456789abcdef0123456789abcdef01234567",
  dirty: false,
  ...more,
});
