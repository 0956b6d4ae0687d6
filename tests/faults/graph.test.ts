import { readFileSync } from "node:fs";
import { join } from "node:path";
import { common, freshGraph } from "./graph.ts";

// A stack that an earlier version brought up must have no changes under this one: the same resources
// with the same inputs.

jest.setTimeout(10 * 60_000);

test("the resources of a stack and their inputs are those of the recorded version", async () => {
  const recorded = JSON.parse(readFileSync(join(__dirname, "recorded/graph.json"), "utf8"));
  const graph = await freshGraph();
  expect(Object.keys(graph)).toEqual(Object.keys(recorded));
  // Values that every stack has anew are "*" in both.
  for (const [name, resource] of Object.entries(graph)) {
    expect({ [name]: common(recorded[name], resource) }).toEqual({ [name]: recorded[name] });
  }
});
