/**
 * A Node.js language host for the Pulumi engine: a gRPC server that runs TypeScript programs. It replaces
 * the official `pulumi-language-nodejs` where that cannot be downloaded. The first line on stdout is the port.
 */
import * as grpc from "@grpc/grpc-js";
import "./watch-parent.ts";
import { terminateAll } from "./child.ts";
import { languageService } from "./service.ts";

// The engine passes its address as the only positional argument; log flags may stand before it.
const engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-")) ?? "";

const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
const { definition, handlers } = languageService(engineAddress);
server.addService(definition, handlers);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    process.stderr.write(`pulumi-language-nodejs: cannot listen on 127.0.0.1: ${error.message}\n`);
    process.exit(1);
  }
  process.stdout.write(`${port}\n`);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    terminateAll().then(() => process.exit(0));
  });
}
