/**
 * Reduces the engine's events to those of a run. Fields that are not named here are dropped: properties of resources,
 * configuration, and debug messages hold secrets in plain text.
 * Source: pulumi/pulumi, sdk/go/common/apitype/events.go.
 */
import * as z from "zod";
import { readDeployResult, readInstallResult } from "../deployer/protocol/result.ts";
import { errorText } from "../lib/error-text.ts";
import { nameOfUrn } from "../lib/urn.ts";
import { OUTCOMES, type RunEvent } from "./contract.ts";
import { readPlanMessage } from "./plan-message.ts";

const stdout = z.object({ outputs: z.object({ stdout: z.string().optional() }).optional() });
const metadata = z.object({ op: z.string(), urn: z.string(), type: z.string(), new: stdout.nullish() });

const engineEvent = z.object({
  sequence: z.int(),
  /** Seconds since 1970. */
  timestamp: z.number(),
  preludeEvent: z.object({}).optional(),
  diagnosticEvent: z
    .object({ urn: z.string().optional(), message: z.string(), severity: z.string() })
    .optional(),
  resourcePreEvent: z.object({ metadata }).optional(),
  resOutputsEvent: z.object({ metadata }).optional(),
  resOpFailedEvent: z.object({ metadata }).optional(),
  stdoutEvent: z.object({ message: z.string() }).optional(),
  summaryEvent: z
    .object({
      durationSeconds: z.number().optional(),
      resourceChanges: z.record(z.string(), z.int()).optional(),
      isPreview: z.boolean().optional(),
      result: z.string().optional(),
    })
    .optional(),
});
type Metadata = z.infer<typeof metadata>;

/** The stack's own outputs, as far as a run shows them. */
const stackEvent = z.object({
  resOutputsEvent: z.object({
    metadata: z.object({
      new: z.object({
        outputs: z.object({
          hosts: z.record(
            z.string(),
            z.object({
              outcome: z.enum(OUTCOMES).optional(),
              step: z.string().optional(),
              reason: z.string().optional(),
              hint: z.string().optional(),
              closure: z.string().optional(),
            }),
          ),
        }),
      }),
    }),
  }),
});

export interface EngineEvent extends z.infer<typeof engineEvent> {
  /** Of the event that has the stack's outputs. */
  readonly stack?: z.infer<typeof stackEvent>;
}

const STACK = "pulumi:pulumi:Stack";
/** A command of a host, by its type and its parent's. */
const HOST_COMMAND = /pantheros:nixos:Host\$(?:[^$]+\$)*command:local:Command::(.+)-(deploy|install)$/;

/** Steps that the deployer announces (deployer/deploy/steps.ts). Other lines of progress are text of hosts. */
const DEPLOY_STEPS = new Set(["build", "sign", "push", "connect", "copy", "activate", "confirm", "status"]);
const INSTALL_PHASE = /^install: ([a-z-]{1,30})$/;
const REBOOTS = /^reboots: /;

/** What the CLI prints on the first Ctrl-C. Source: pkg/backend/cancellation_scope.go. */
const INTERRUPT = /^\^C received/;

/** The verdict's own command; what it printed follows. Source: pulumi-command, provider/pkg/provider/local. */
const COMMAND = /^exit status \d+: running "printf .*\$PANTHEROS_VERDICT_EXIT\\?"":?\s*/;

/** The verdict is a resource only so that a run can fail. */
const VERDICT = /pantheros:nixos:Verdict/;

/** Lines of a stack trace. */
const STACK_LINES = /^\s+at .*$/gm;

/** How the engine ended. */
export interface EngineSummary {
  readonly isPreview: boolean;
  readonly succeeded: boolean;
  readonly seconds?: number;
  readonly counts?: Readonly<Record<string, number>>;
}

export interface Reduced {
  readonly events: readonly RunEvent[];
  readonly summary?: EngineSummary;
}

interface HostCommand {
  readonly host: string;
  readonly kind: "deploy" | "install";
}

function hostCommand(urn: string): HostCommand | undefined {
  const [, host, kind] = HOST_COMMAND.exec(urn) ?? [];
  return host === undefined ? undefined : { host, kind: kind === "install" ? "install" : "deploy" };
}

/** A phase in a line of progress such as `web: copy`; undefined when it is none. */
function phaseOf(message: string, host: string): string | undefined {
  const line = message.trim();
  if (!line.startsWith(`${host}: `)) return undefined;
  const rest = line.slice(host.length + 2);
  if (DEPLOY_STEPS.has(rest)) return rest;
  if (REBOOTS.test(rest)) return "reboot";
  const [, phase] = INSTALL_PHASE.exec(rest) ?? [];
  return phase && `install ${phase}`;
}

/** An event of the engine; undefined for a text that is not one. */
export function readEngineEvent(line: string): EngineEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const parsed = engineEvent.safeParse(value).data;
    if (parsed?.resOutputsEvent?.metadata.type !== STACK) return parsed;
    const stack = stackEvent.safeParse(value).data;
    return { ...parsed, ...(stack !== undefined && { stack }) };
  } catch {
    return undefined;
  }
}

/** Reduces the events of one engine, in their order. */
export class EngineReducer {
  /** Hosts that this run deploys to. */
  readonly #changed = new Set<string>();
  readonly #failedInstalls = new Set<string>();

  reduce(event: EngineEvent): Reduced {
    const at = new Date(event.timestamp * 1000).toISOString();
    const { diagnosticEvent, resourcePreEvent, resOutputsEvent, resOpFailedEvent, summaryEvent } = event;
    if (event.preludeEvent !== undefined) return { events: [{ type: "section", at }] };
    if (diagnosticEvent !== undefined) return { events: this.#diagnostic(at, diagnosticEvent) };
    if (resourcePreEvent !== undefined) return { events: this.#begun(at, resourcePreEvent.metadata) };
    if (resOutputsEvent !== undefined)
      return {
        events:
          resOutputsEvent.metadata.type === STACK
            ? this.#outputs(at, event)
            : this.#done(at, resOutputsEvent.metadata),
      };
    if (resOpFailedEvent !== undefined) return { events: failedOf(at, resOpFailedEvent.metadata) };
    if (INTERRUPT.test(event.stdoutEvent?.message ?? "")) return { events: [{ type: "interrupt", at }] };
    if (summaryEvent !== undefined) return { events: [], summary: summaryOf(summaryEvent) };
    return { events: [] };
  }

  #diagnostic(
    at: string,
    { urn, message, severity }: NonNullable<EngineEvent["diagnosticEvent"]>,
  ): RunEvent[] {
    if (severity === "debug") {
      const hosts = readPlanMessage(message.trim());
      return hosts === undefined ? [] : [{ type: "hosts", at, hosts: [...hosts] }];
    }
    if (severity === "error" || severity === "warning") {
      const said = message
        .replace(/^(error|warning): /, "")
        .replace(COMMAND, "")
        .replace(STACK_LINES, "");
      const text = errorText(said).trim();
      return text === "" ? [] : [{ type: "message", at, severity, text }];
    }
    const command = urn === undefined ? undefined : hostCommand(urn);
    const phase = command && phaseOf(message, command.host);
    return command === undefined || phase === undefined
      ? []
      : [{ type: "phase", at, host: command.host, phase }];
  }

  #begun(at: string, { op, urn, type }: Metadata): RunEvent[] {
    if (isQuiet(op) || type === STACK || VERDICT.test(urn)) return [];
    const command = hostCommand(urn);
    // A replacement is a creation and a deletion; this step is between them and does nothing.
    if (op === "replace") return [];
    if (command === undefined) return [resource(at, { op, urn, type }, "begun")];
    if (op.startsWith("delete")) return [];
    this.#changed.add(command.host);
    return [
      { type: "phase", at, host: command.host, phase: command.kind === "install" ? "install" : "begun" },
    ];
  }

  #done(at: string, found: Metadata): RunEvent[] {
    const { op, urn } = found;
    const command = hostCommand(urn);
    if (op === "replace" || VERDICT.test(urn)) return [];
    if (command === undefined) return isQuiet(op) ? [] : [resource(at, found, "done")];
    const text = found.new?.outputs?.stdout;
    if (text === undefined || op.startsWith("delete") || op === "read" || op === "refresh") return [];
    const { host } = command;
    if (command.kind === "install") {
      if (isQuiet(op)) return [];
      const { outcome, phase, reason, hint } = readInstallResult(host, text);
      if (outcome !== "failed") return [];
      this.#failedInstalls.add(host);
      return [
        {
          type: "result",
          at,
          host,
          outcome: "failed",
          changed: true,
          step: `install ${phase ?? ""}`.trim(),
          ...(reason !== undefined && { reason }),
          ...(hint !== undefined && { hint }),
        },
      ];
    }
    // The deploy of a host whose installation failed says only that it was not made.
    if (this.#failedInstalls.has(host)) return [];
    const {
      outcome,
      step,
      command: failing,
      reason,
      hint,
      running,
      generation,
      seconds,
    } = readDeployResult(host, text);
    return [
      {
        type: "result",
        at,
        host,
        outcome,
        changed: !isQuiet(op),
        ...(step !== undefined && { step }),
        ...(failing !== undefined && { command: failing }),
        ...(reason !== undefined && { reason }),
        ...(hint !== undefined && { hint }),
        ...(running !== undefined && { closure: running }),
        ...(generation !== undefined && { generation }),
        ...(Object.keys(seconds).length > 0 && { seconds }),
      },
    ];
  }

  /** The stack's outputs are the last word on each host, also on one that no deploy was made for. */
  #outputs(at: string, event: EngineEvent): RunEvent[] {
    const hosts = event.stack?.resOutputsEvent.metadata.new.outputs.hosts ?? {};
    return Object.entries(hosts).flatMap(([host, { outcome, step, reason, hint, closure }]): RunEvent[] =>
      outcome === undefined
        ? []
        : [
            {
              type: "result",
              at,
              host,
              outcome,
              changed: this.#changed.has(host),
              ...(step !== undefined && { step }),
              ...(reason !== undefined && { reason }),
              ...(hint !== undefined && { hint }),
              ...(closure !== undefined && { closure }),
            },
          ],
    );
  }
}

/** Operations that change nothing. */
const isQuiet = (op: string): boolean => op === "same" || op === "read" || op === "refresh";

const resource = (
  at: string,
  { op, urn, type }: Pick<Metadata, "op" | "urn" | "type">,
  state: "begun" | "done" | "failed",
): RunEvent => ({ type: "resource", at, name: nameOfUrn(urn), kind: type, op, state });

const failedOf = (at: string, found: Metadata): RunEvent[] =>
  VERDICT.test(found.urn) ? [] : [resource(at, found, "failed")];

const summaryOf = ({
  durationSeconds,
  resourceChanges,
  isPreview,
  result,
}: NonNullable<EngineEvent["summaryEvent"]>): EngineSummary => ({
  isPreview: isPreview ?? false,
  succeeded: result === "succeeded",
  ...(durationSeconds !== undefined && { seconds: durationSeconds }),
  ...(resourceChanges !== undefined && { counts: resourceChanges }),
});
