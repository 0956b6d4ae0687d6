import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb.js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { runNode, terminateAll } from "./child.ts";
import { nodeArguments, type ProgramRun, programEnvironment, readOptions, runResult } from "./program.ts";

/** A URL, because Node would read `#`, `?` and `%` in a path as parts of a URL. */
const WATCH_PARENT = new URL("./watch-parent.ts", import.meta.url).href;

type RunRequest = InstanceType<typeof language.RunRequest>;
type Unary<Request, Response> = grpc.handleUnaryCall<Request, Response>;

/** The service's handlers. All others (code generation, packing, running plugins) answer UNIMPLEMENTED. */
export function languageService(engineAddress: string): {
  definition: grpc.ServiceDefinition;
  handlers: grpc.UntypedServiceImplementation;
} {
  let engine = engineAddress;

  const handshake: Unary<InstanceType<typeof language.LanguageHandshakeRequest>, unknown> = (call, done) => {
    engine = call.request.getEngineAddress() || engine;
    done(null, new language.LanguageHandshakeResponse());
  };

  const run: Unary<RunRequest, unknown> = (call, done) => {
    const aborted = new AbortController();
    call.on("cancelled", () => aborted.abort());
    runProgram(call.request, engine, aborted.signal).then(
      ({ error, bail }) => {
        const response = new language.RunResponse();
        response.setError(error);
        response.setBail(bail);
        done(null, response);
      },
      (error: unknown) => done({ code: grpc.status.UNKNOWN, details: String(error) }),
    );
  };

  const cancel: Unary<unknown, unknown> = (_call, done) => {
    terminateAll().then(() => done(null, new empty.Empty()));
  };

  const handlers = {
    handshake,
    run,
    cancel,
    // The plugins are on PATH; nothing has to be downloaded before the program starts.
    getRequiredPackages: reply(() => new language.GetRequiredPackagesResponse()),
    getRequiredPlugins: reply(() => new language.GetRequiredPluginsResponse()),
    getPluginInfo: reply(() => new plugin.PluginInfo()),
    about: reply(aboutNode),
    getProgramDependencies: reply((request: InstanceType<typeof language.GetProgramDependenciesRequest>) =>
      programDependencies(request.getInfo()?.getProgramDirectory() ?? request.getPwd()),
    ),
    // Dependencies are installed by tools/setup, from the lock file.
    installDependencies: (call: grpc.ServerWritableStream<unknown, unknown>) => call.end(),
    runtimeOptionsPrompts: reply(() => new language.RuntimeOptionsResponse()),
  };
  // The generated definition has named methods and no index signature.
  return { definition: LanguageRuntimeService as unknown as grpc.ServiceDefinition, handlers };
}

/** Answers a call from its request alone; an exception becomes the call's error. */
function reply<Request>(answer: (request: Request) => unknown): Unary<Request, unknown> {
  return (call, done) => {
    try {
      done(null, answer(call.request));
    } catch (error) {
      done({ code: grpc.status.UNKNOWN, details: String(error) });
    }
  };
}

function programRun(request: RunRequest, engine: string): ProgramRun {
  const info = request.getInfo();
  return {
    engine,
    monitor: request.getMonitorAddress(),
    project: request.getProject(),
    stack: request.getStack(),
    organization: request.getOrganization(),
    pwd: request.getPwd(),
    rootDirectory: info?.getRootDirectory() ?? "",
    parallel: request.getParallel(),
    dryRun: request.getDryrun(),
    entryPoint: info?.getEntryPoint() || request.getProgram() || ".",
    args: request.getArgsList(),
    config: Object.fromEntries(request.getConfigMap().toArray()),
    secretKeys: request.getConfigsecretkeysList(),
    options: readOptions((info?.getOptions()?.toJavaScript() ?? {}) as Record<string, unknown>),
  };
}

async function runProgram(request: RunRequest, engine: string, aborted: AbortSignal) {
  const run = programRun(request, engine);
  let runner: string;
  try {
    // Resolved from the program, as node does: a process must not load two copies of the SDK.
    runner = createRequire(path.join(run.pwd, "package.json")).resolve("@pulumi/pulumi/cmd/run");
  } catch {
    return { error: `@pulumi/pulumi is not installed in ${run.pwd}: run tools/setup`, bail: false };
  }
  const env = programEnvironment(run, process.env);
  return runResult(await runNode(nodeArguments(run, runner, WATCH_PARENT), env, run.pwd, aborted));
}

function aboutNode() {
  const response = new language.AboutResponse();
  response.setExecutable(process.execPath);
  response.setVersion(process.version);
  return response;
}

function programDependencies(directory: string) {
  const response = new language.GetProgramDependenciesResponse();
  const { dependencies = {} } = readPackage(path.join(directory, "package.json"));
  for (const name of Object.keys(dependencies)) {
    const dependency = new language.DependencyInfo();
    dependency.setName(name);
    dependency.setVersion(
      readPackage(path.join(directory, "node_modules", name, "package.json")).version ?? "",
    );
    response.addDependencies(dependency);
  }
  return response;
}

function readPackage(file: string): { version?: string; dependencies?: Record<string, string> } {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}
