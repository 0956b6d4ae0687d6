import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { Programs, say } from "./programs.ts";

/**
 * How Pulumi marks a secret on the wire: `{ [signature]: secretMark, value }`. Source:
 * sdk/nodejs/runtime/rpc.ts.
 */
const signature = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One registration as the engine receives it. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly parent: string;
  readonly provider: string;
  /** Secrets unwrapped. */
  readonly inputs: Record<string, Json>;
  /** As sent, secrets wrapped. */
  readonly wire: Json;
  readonly protect: boolean;
  readonly deleteBeforeReplace: boolean;
  readonly retainOnDelete: boolean;
  readonly ignoreChanges: string[];
  readonly secretOutputs: string[];
  readonly dependencies: string[];
  /**
   * The resource's own aliases. The engine adds those derived from its parents' aliases, but only until the
   * parents are renamed in the state.
   */
  readonly aliases: string[];
}

/** Everything that one run of a program sent to the engine. */
export class Recording {
  readonly registrations: Registration[] = [];
  readonly calls: { token: string; inputs: Record<string, unknown> }[] = [];
  /** Commands that ran on hosts over ssh. */
  hostCommands: string[] = [];
  /** URN -> outputs a component registered, as sent. */
  readonly outputs = new Map<string, Json>();

  ofType(type: string): Registration[] {
    return this.registrations.filter((each) => each.type === type);
  }

  /** The one resource of that name. */
  named(name: string): Registration {
    const found = this.registrations.filter((each) => each.name === name);
    const [first] = found;
    if (first === undefined || found.length > 1) {
      throw new Error(
        `${found.length} resources named ${name}; there are ${this.registrations.map((r) => r.name).join(", ")}`,
      );
    }
    return first;
  }

  /** Text of everything that was sent without a secret mark. */
  plainText(): string {
    return JSON.stringify([
      this.registrations.map((each) => redact(each.wire)),
      [...this.outputs.values()].map(redact),
    ]);
  }

  /** Whether the input at `path` was sent as a secret, itself or inside one. */
  isSecret(name: string, ...path: (string | number)[]): boolean {
    let value: Json | undefined = this.named(name).wire;
    for (const step of path) {
      if (isWrapped(value)) return true;
      value = (value as Record<string, Json>)?.[step];
    }
    return isWrapped(value);
  }
}

const isWrapped = (value: Json | undefined): value is { value: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && value[signature] === secretMark;

function rewrite(value: Json, secret: (inner: Json) => Json): Json {
  if (isWrapped(value)) return secret(value.value);
  if (Array.isArray(value)) return value.map((each) => rewrite(each, secret));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rewrite(each, secret)]));
}

const redact = (value: Json): Json => rewrite(value, () => "[secret]");
const reveal = (value: Json): Json => rewrite(value, reveal);

/** Options of a run. */
export interface MockOptions {
  /** Preview: a provider's computed values are unknown. */
  readonly preview?: boolean;
  readonly stack?: string;
  /** A provider's computed values by type token, merged over the inputs; not used in previews. */
  readonly computed?: Record<string, (inputs: Record<string, Json>, name: string) => Record<string, unknown>>;
  /** Answers of provider functions, by token. */
  readonly functions?: Record<string, (inputs: Record<string, unknown>) => Record<string, unknown>>;
  /** Every host's answer over ssh; undefined: the connection is refused. No test connects to a real host. */
  readonly hostAnswer?: unknown;
  /** Resources that the engine reports as failed, as with `--continue-on-error`. */
  readonly failing?: readonly string[];
  /** The host has no deploy user: only root can log in. */
  readonly unmanaged?: boolean;
}

interface WireRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getObject(): { toJavaScript(): Json };
  getProtect(): boolean;
  getDeletebeforereplace(): boolean;
  getRetainondelete(): boolean;
  getIgnorechangesList(): string[];
  getAdditionalsecretoutputsList(): string[];
  getDependenciesList(): string[];
  getAliasesList(): { getSpec(): { getName(): string } | undefined }[];
}
interface OutputsRequest {
  getUrn(): string;
  getOutputs(): { toJavaScript(): Json };
}
interface Registered {
  getUrn(): string;
  /** A value of the engine's `Result`: 0 is SUCCESS, 1 FAIL. */
  getResult(): number;
}
type Answer<T> = (error: unknown, response: T) => void;
interface WireMonitor {
  registerResource(request: WireRequest, answer: Answer<Registered>): unknown;
  registerResourceOutputs(request: OutputsRequest, answer: Answer<unknown>): unknown;
}

/** Records what the SDK sends to the engine: only there all resource options and secret marks show. */
function tap(monitor: WireMonitor, recording: Recording, failing: readonly string[]): void {
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, answer) => {
    return register(request, (error, response) => {
      if (!error) {
        const wire = request.getObject().toJavaScript();
        recording.registrations.push({
          type: request.getType(),
          name: request.getName(),
          urn: response.getUrn(),
          parent: request.getParent(),
          provider: request.getProvider(),
          inputs: reveal(wire) as Record<string, Json>,
          wire,
          protect: request.getProtect(),
          deleteBeforeReplace: request.getDeletebeforereplace(),
          retainOnDelete: request.getRetainondelete(),
          ignoreChanges: request.getIgnorechangesList(),
          secretOutputs: request.getAdditionalsecretoutputsList(),
          dependencies: request.getDependenciesList(),
          aliases: request.getAliasesList().flatMap((alias) => alias.getSpec()?.getName() || []),
        });
      }
      if (failing.includes(request.getName())) response.getResult = () => 1;
      answer(error, response);
    });
  };
  const finish = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, answer) => {
    recording.outputs.set(request.getUrn(), request.getOutputs().toJavaScript());
    return finish(request, answer);
  };
}

/** Runs a program against mocks and waits until all registrations are done and its result is known. */
export async function record<T>(
  build: () => T | Promise<T>,
  options: MockOptions = {},
): Promise<{ recording: Recording; result: T }> {
  const recording = new Recording();
  const { preview = false, stack = "test", computed = {}, functions = {}, failing = [] } = options;
  let next = 1000;
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        next += 1;
        if (preview) return { id: undefined, state: inputs };
        return { id: String(next), state: { ...inputs, ...computed[type]?.(inputs, name) } };
      },
      call: ({ token, inputs }) => {
        recording.calls.push({ token, inputs });
        const answer = functions[token];
        if (answer === undefined) throw new Error(`the test has no answer for ${token}`);
        return answer(inputs);
      },
    },
    "pantheros",
    stack,
    preview,
    "organization",
  );
  tap(pulumi.runtime.getMonitor() as unknown as WireMonitor, recording, failing);
  const ssh = new Programs("record");
  const refuses = "echo Connection refused >&2; exit 255";
  const answers = options.hostAnswer === undefined ? refuses : say(options.hostAnswer);
  ssh.program(
    "ssh",
    options.unmanaged ? `case "$*" in *User=root*) ${answers} ;; *) ${refuses} ;; esac` : answers,
  );
  const leave = ssh.enter();
  try {
    const result = await build();
    await pulumi.runtime.disconnect();
    // Pulumi waits only for outputs that a resource or the stack uses: a command on a host may still
    // run for this one.
    await resolved(pulumi.output(result));
    recording.hostCommands = ssh.logged().map((words) => words.replace(/^.* -T \S+ -- /, ""));
    return { recording, result };
  } finally {
    leave();
    ssh.remove();
  }
}

/** Value of an output of a finished run; undefined when it is unknown. */
export const resolved = <T>(output: pulumi.Output<T>): Promise<T> =>
  (output as unknown as { promise(): Promise<T> }).promise();

/** A public host key without an owner. */
export const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOHWQfUZa9NXSlZ0S+F35zoBmdPDSf2YtoI4J7iNGJ2L";

/** A different valid public host key for each text. */
export function publicKeyOf(text: string): string {
  const part = (bytes: Buffer) =>
    Buffer.concat([Buffer.from(Uint32Array.of(bytes.length).buffer).reverse(), bytes]);
  const blob = [Buffer.from("ssh-ed25519"), createHash("sha256").update(text).digest()].map(part);
  return `ssh-ed25519 ${Buffer.concat(blob).toString("base64")}`;
}

/** A key pair as host-key.sh prints it; the private key is not valid. */
export const keyPairJson = (marker: string, publicKey: string = hostKey): string =>
  JSON.stringify({
    private: `-----BEGIN OPENSSH PRIVATE KEY-----\n${marker}\n-----END OPENSSH PRIVATE KEY-----\n`,
    public: publicKey,
  });
