/**
 * `node failing-fleet.ts RESOURCE... evaluate:HOST...`: a run in which the engine reports these resources as
 * failed, and these hosts can't be evaluated.
 * Prints its registrations, outputs and errors. It is a process of its own, since the SDK's rejections
 * are unhandled, as in a real run.
 */
import * as pulumi from "@pulumi/pulumi";
import { failWithResources } from "../../../components/failures.ts";
import { record, resolved } from "../mocks.ts";
import { evaluationWithout, fleetOf, planOf, settings, text, world } from "./fleet-world.ts";

const EVALUATE = "evaluate:";
const given = process.argv.slice(2);
const failing = given.filter((name) => !name.startsWith(EVALUATE));
const hosts = given.filter((name) => name.startsWith(EVALUATE)).map((name) => name.slice(EVALUATE.length));
const errors = new Set<string>();
process.on("unhandledRejection", (error) => errors.add((error as Error).message));
let published: pulumi.Output<unknown> = pulumi.output(undefined);
const build = async () => {
  failWithResources();
  const evaluation = evaluationWithout(hosts);
  const { outputs } = await fleetOf({ plan: planOf(text), settings: settings(), evaluation });
  published = outputs;
  return { outputs };
};
const options = { ...world(), failing };
const { recording } = await record(() => pulumi.runtime.runInPulumiStack(build), options);
const outputs = await resolved(published);
const named = recording.registrations.map(({ name }) => name).sort();
const commands = recording.ofType("command:local:Command");
const environment = commands.find(({ name }) => name === "verdict")?.inputs["environment"];
const { exitCode } = process;
process.exitCode = 0;
// The fleet also prints to standard output; this is the last line.
console.log(JSON.stringify({ named, environment, outputs, exitCode, errors: [...errors] }));
