/** Sends log lines to the engine, in order; the engine shows them beside their resource. */
import * as grpc from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engineProto from "@pulumi/pulumi/proto/engine_pb.js";

type Severity = "debug" | "info" | "warning" | "error";

const SEVERITY = { debug: 0, info: 1, warning: 2, error: 3 } as const;

export interface Log {
  /** An ephemeral line is shown during the operation and left out of the summary. */
  write(severity: Severity, message: string, urn: string, ephemeral: boolean): void;
  /** Resolves when all lines written so far have arrived. */
  flush(): Promise<void>;
}

/** For a plugin that is started by hand, without an engine. stdout has the port only. */
export const stderrLog: Log = {
  write: (severity, message) => process.stderr.write(`${severity}: ${message}\n`),
  flush: () => Promise.resolve(),
};

/**
 * Logs to the engine at `address` (host:port). A line that cannot be delivered is dropped, since a lost line
 * must not fail an operation.
 */
export function engineLog(address: string): Log {
  const client = new engineService.EngineClient(address, grpc.credentials.createInsecure());
  let last: Promise<void> = Promise.resolve();
  return {
    write(severity, message, urn, ephemeral) {
      const request = new engineProto.LogRequest();
      request.setSeverity(SEVERITY[severity]);
      request.setMessage(message);
      request.setUrn(urn);
      request.setEphemeral(ephemeral);
      last = last.then(
        () =>
          new Promise((resolve) => {
            client.log(request, new grpc.Metadata(), { deadline: Date.now() + 5000 }, () => resolve());
          }),
      );
    },
    flush: () => last,
  };
}
