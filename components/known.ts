import type * as pulumi from "@pulumi/pulumi";

/** Parts of an output that the SDK's types leave out. Source: sdk/nodejs/output.ts of Pulumi 3.258. */
interface Inside<T> {
  readonly isKnown: Promise<boolean>;
  promise(): Promise<T>;
}

/** The output's value; undefined when a preview does not know it, and when its resource failed. */
export async function ifKnown<T>(output: pulumi.Output<T>): Promise<T | undefined> {
  const inside = output as unknown as Inside<T>;
  try {
    return (await inside.isKnown) ? await inside.promise() : undefined;
  } catch {
    return undefined;
  }
}
