/** The stack's state as the previous run left it: what neither the inventory nor a machine can tell. */
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { nameOfUrn } from "../lib/urn.ts";

/** The answer of the engine's `readStackResourceOutputs`: resources by URN. */
const stackState = z.object({
  outputs: z.record(z.string(), z.object({ type: z.string(), outputs: z.record(z.string(), z.unknown()) })),
});
export type StackState = z.infer<typeof stackState>;

/** Outputs of local commands, by the name of the resource. */
export type CommandsByName = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** The local commands in the state: installs, deploys, deliveries and others. */
export const commandsIn = ({ outputs: resources }: StackState): CommandsByName =>
  new Map(
    Object.entries(resources).flatMap(([urn, { type, outputs }]) =>
      type === "command:local:Command" ? [[nameOfUrn(urn), outputs] as const] : [],
    ),
  );

async function askEngine(): Promise<StackState> {
  const stackName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  return stackState.parse(
    await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName }, {}),
  );
}

/** By engine client, of which a run has one: each run reads the state once. */
const readings = new WeakMap<object, Promise<StackState>>();

/** @throws Error when the engine refuses; the next call asks again. */
export async function readStackState(): Promise<StackState> {
  const engine = pulumi.runtime.getMonitor() as object;
  const known = readings.get(engine);
  if (known !== undefined) return known;
  const reading = askEngine();
  readings.set(engine, reading);
  reading.catch(() => readings.delete(engine));
  return reading;
}

/** Undefined when the engine refuses. */
export async function readStackStateIfAny(): Promise<StackState | undefined> {
  try {
    return await readStackState();
  } catch (error) {
    pulumi.log.debug(`the stack's state can't be read: ${error}`);
    return undefined;
  }
}

/** Whether the stack's state has a component of that type for each host. */
export async function haveMachines(
  machineType: string,
  hosts: readonly { readonly name: string; readonly formerly?: string | undefined }[],
): Promise<boolean> {
  const state = await readStackStateIfAny();
  const machines = new Set(
    Object.entries(state?.outputs ?? {}).flatMap(([urn, { type }]) =>
      type === machineType ? [nameOfUrn(urn)] : [],
    ),
  );
  return hosts.every(({ name, formerly = name }) => machines.has(name) || machines.has(formerly));
}
