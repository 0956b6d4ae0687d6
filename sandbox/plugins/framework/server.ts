/** The engine's ResourceProvider service over gRPC, and the start and end of the plugin's process. */

import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as grpc from "@grpc/grpc-js";
import pluginProto from "@pulumi/pulumi/proto/plugin_pb.js";
import service from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import proto from "@pulumi/pulumi/proto/provider_pb.js";
import statusProto from "@pulumi/pulumi/proto/status_pb.js";
import anyProto from "google-protobuf/google/protobuf/any_pb.js";
import emptyProto from "google-protobuf/google/protobuf/empty_pb.js";
import { messageOf } from "../../../lib/message-of.ts";
import type { Failure } from "./check.ts";
import type { Change, Difference } from "./diff.ts";
import { parsePath } from "./diff.ts";
import { engineLog, type Log, stderrLog } from "./engine-log.ts";
import { Provider } from "./provider.ts";
import { Incomplete, type Plugin } from "./resource.ts";
import { type Decoded, decode, encode, type Properties } from "./values.ts";

type Handler<Request, Answer> = (request: Request) => Answer | Promise<Answer>;

const KIND: Record<Change, [number, number]> = { add: [0, 1], delete: [2, 3], update: [4, 5] };

function checkFailures(failures: Failure[]): InstanceType<typeof proto.CheckFailure>[] {
  return failures.map(({ property, reason }) => {
    const failure = new proto.CheckFailure();
    failure.setProperty(property);
    failure.setReason(reason);
    return failure;
  });
}

function diffAnswer(found: Difference[]): InstanceType<typeof proto.DiffResponse> {
  const answer = new proto.DiffResponse();
  const roots = (some: Difference[]) => [...new Set(some.map(({ path }) => String(parsePath(path)[0])))];
  const replacing = found.filter(({ replace }) => replace);
  answer.setChanges(
    found.length > 0 ? proto.DiffResponse.DiffChanges.DIFF_SOME : proto.DiffResponse.DiffChanges.DIFF_NONE,
  );
  answer.setDiffsList(roots(found));
  answer.setReplacesList(roots(replacing));
  answer.setHasdetaileddiff(true);
  for (const { path, change, replace } of found) {
    const entry = new proto.PropertyDiff();
    entry.setKind(KIND[change][replace ? 1 : 0] as never);
    entry.setInputdiff(true);
    answer.getDetaileddiffMap().set(path, entry);
  }
  return answer;
}

/** An error for the engine; that of an incomplete object has its id and state, so that the engine keeps it. */
function failure(error: unknown, state?: Decoded): Partial<grpc.StatusObject> {
  const message = messageOf(error);
  const metadata = new grpc.Metadata();
  if (error instanceof Incomplete) {
    const detail = new proto.ErrorResourceInitFailed();
    detail.setId(error.id);
    detail.setReasonsList([message]);
    detail.setProperties(encode({ ...state?.values, ...error.outputs }, state?.secrets));
    detail.setInputs(encode(state?.values ?? {}, state?.secrets));
    const packed = new anyProto.Any();
    packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = new statusProto.Status();
    status.setCode(grpc.status.UNKNOWN);
    status.setMessage(message);
    status.addDetails(packed);
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  }
  return { code: grpc.status.UNKNOWN, details: message, metadata };
}

/** A plugin's service, for a gRPC server. */
export function implementation<Client>(
  plugin: Plugin<Client>,
  version: string,
  cancel: AbortController,
  engineAddress?: string,
): { handlers: grpc.UntypedServiceImplementation; running: () => number } {
  let log: Log = engineAddress ? engineLog(engineAddress) : stderrLog;
  const provider = new Provider(plugin, cancel.signal, () => log);

  let running = 0;
  const unary =
    <Request, Answer>(handle: Handler<Request, Answer>, state?: (request: Request) => Decoded) =>
    async (call: grpc.ServerUnaryCall<Request, Answer>, done: grpc.sendUnaryData<Answer>) => {
      running += 1;
      try {
        done(null, await handle(call.request));
      } catch (error) {
        const reason = cancel.signal.aborted && !(error instanceof Incomplete) ? cancel.signal.reason : error;
        done(failure(reason, state?.(call.request)));
      } finally {
        running -= 1;
      }
    };
  /** The state with which an incomplete object is recorded. */
  const requestedState = (urn: string, given: Decoded): Decoded => {
    const resource = provider.resource(urn);
    return {
      values: given.values,
      secrets: provider.secrets(given.secrets, resource.properties, resource.secretOutputs),
    };
  };
  const outputs = (urn: string, values: Properties, given: Decoded) =>
    encode(values, requestedState(urn, given).secrets);

  const handlers: grpc.UntypedServiceImplementation = {
    handshake: unary(() => {
      const answer = new proto.ProviderHandshakeResponse();
      answer.setAcceptSecrets(true);
      return answer;
    }),
    attach: unary((request: InstanceType<typeof pluginProto.PluginAttach>) => {
      log = engineLog(request.getAddress());
      return new emptyProto.Empty();
    }),
    getPluginInfo: unary(() => {
      const answer = new pluginProto.PluginInfo();
      answer.setVersion(version);
      return answer;
    }),
    getSchema: unary(() => {
      const answer = new proto.GetSchemaResponse();
      answer.setSchema(JSON.stringify({ name: plugin.name, version, resources: {} }));
      return answer;
    }),
    checkConfig: unary((request: InstanceType<typeof proto.CheckRequest>) => {
      const { values, secrets } = decode(request.getNews());
      const answer = new proto.CheckResponse();
      for (const key of plugin.secretConfig ?? []) if (key in values) secrets.set(key, true);
      answer.setInputs(encode(values, secrets));
      return answer;
    }),
    diffConfig: unary((request: InstanceType<typeof proto.DiffRequest>) => {
      const old = decode(request.getOldInputs() ?? request.getOlds()).values;
      return diffAnswer(diffConfig(old, decode(request.getNews()).values));
    }),
    configure: unary((request: InstanceType<typeof proto.ConfigureRequest>) => {
      provider.configure(decode(request.getArgs()).values);
      const answer = new proto.ConfigureResponse();
      answer.setAcceptsecrets(true);
      answer.setSupportspreview(true);
      return answer;
    }),
    cancel: unary(() => {
      cancel.abort(new Error("cancelled"));
      return new emptyProto.Empty();
    }),
    check: unary((request: InstanceType<typeof proto.CheckRequest>) => {
      const urn = request.getUrn();
      const given = decode(request.getNews());
      const old = decode(request.getOlds()).values;
      const { inputs, failures } = provider.check(urn, given.values, old, request.getRandomseed_asU8());
      const answer = new proto.CheckResponse();
      answer.setInputs(encode(inputs, provider.secrets(given.secrets, provider.resource(urn).properties)));
      answer.setFailuresList(checkFailures(failures));
      return answer;
    }),
    diff: unary((request: InstanceType<typeof proto.DiffRequest>) => {
      const urn = request.getUrn();
      const old = decode(request.getOldInputs() ?? request.getOlds()).values;
      const found = provider.diff(urn, old, decode(request.getNews()).values, request.getIgnorechangesList());
      return diffAnswer(found);
    }),
    create: unary(
      async (request: InstanceType<typeof proto.CreateRequest>) => {
        const urn = request.getUrn();
        const given = decode(request.getProperties());
        const answer = new proto.CreateResponse();
        if (request.getPreview()) {
          answer.setProperties(outputs(urn, provider.previewCreate(urn, given.values), given));
          return answer;
        }
        const created = await provider.create({ urn, timeout: request.getTimeout() }, given.values);
        answer.setId(created.id);
        answer.setProperties(outputs(urn, created.outputs, given));
        return answer;
      },
      (request) => requestedState(request.getUrn(), decode(request.getProperties())),
    ),
    read: unary(async (request: InstanceType<typeof proto.ReadRequest>) => {
      const urn = request.getUrn();
      const inputs = decode(request.getInputs());
      const old = { inputs: inputs.values, outputs: decode(request.getProperties()).values };
      const found = await provider.read({ urn, timeout: request.getTimeout() }, request.getId(), old);
      const answer = new proto.ReadResponse();
      if (!found) return answer;
      answer.setId(found.id);
      answer.setInputs(
        encode(found.inputs, provider.secrets(inputs.secrets, provider.resource(urn).properties)),
      );
      answer.setProperties(outputs(urn, found.outputs, inputs));
      return answer;
    }),
    update: unary(
      async (request: InstanceType<typeof proto.UpdateRequest>) => {
        const urn = request.getUrn();
        const given = decode(request.getNews());
        const old = {
          inputs: decode(request.getOldInputs()).values,
          outputs: decode(request.getOlds()).values,
        };
        const answer = new proto.UpdateResponse();
        const values = request.getPreview()
          ? provider.previewUpdate(urn, old, given.values)
          : await provider.update({ urn, timeout: request.getTimeout() }, request.getId(), old, given.values);
        answer.setProperties(outputs(urn, values, given));
        return answer;
      },
      (request) => requestedState(request.getUrn(), decode(request.getNews())),
    ),
    delete: unary(async (request: InstanceType<typeof proto.DeleteRequest>) => {
      const old = {
        inputs: decode(request.getOldInputs()).values,
        outputs: decode(request.getProperties()).values,
      };
      await provider.delete({ urn: request.getUrn(), timeout: request.getTimeout() }, request.getId(), old);
      return new emptyProto.Empty();
    }),
    invoke: unary(async (request: InstanceType<typeof proto.InvokeRequest>) => {
      const token = request.getTok();
      const given = decode(request.getArgs());
      const { outputs: values, failures } = await provider.invoke(token, given.values);
      const answer = new proto.InvokeResponse();
      answer.setFailuresList(checkFailures(failures));
      const secrets = provider.secrets(given.secrets, {}, plugin.functions?.[token]?.secretOutputs);
      if (failures.length === 0) answer.setReturn(encode(values, secrets));
      return answer;
    }),
  };
  return { handlers, running: () => running };
}

function diffConfig(old: Properties, now: Properties): Difference[] {
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((name) => name !== "version");
  return names
    .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
    .map((path) => ({ path, change: "update", replace: false }));
}

/** The version of an installed SDK package, which its plugin reports as its own. */
export function installedVersion(packageName: string, from: string): string {
  const path = createRequire(from).resolve(`${packageName}/package.json`);
  const version = (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  return version.replace(/^v/, "");
}

/** Serves the plugin until the engine that started it ends; prints the port on stdout for the engine. */
export async function serve<Client>(plugin: Plugin<Client>, version: string): Promise<void> {
  const cancel = new AbortController();
  setMaxListeners(0, cancel.signal);
  const engine = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  const { handlers, running } = implementation(plugin, version, cancel, engine);
  server.addService(service.ResourceProviderService, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  process.stdout.write(`${port}\n`);

  const stop = (reason: string) => {
    cancel.abort(new Error(reason));
    // Running commands get their signals first (command/process.ts); they have three seconds to end.
    const deadline = Date.now() + 3000;
    setInterval(() => {
      if (running() === 0 || Date.now() > deadline) process.exit(0);
    }, 50);
  };
  process.on("SIGTERM", () => stop("the plugin got SIGTERM"));
  // The engine closes a plugin with SIGINT. Ctrl-C does not arrive here: a plugin has its own process group.
  process.on("SIGINT", () => stop("the engine closed the plugin"));
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop("the engine has ended");
  }, 1000);
}
