/**
 * Prints the resources of a small stack:
 * `tools/with node tests/faults/record-graph.ts >tests/faults/recorded/graph.json`.
 * Record them again only for a change that existing stacks are meant to have: the difference is what
 * their next preview shows.
 */
import { common, freshGraph } from "./graph.ts";

const graph = common(await freshGraph(), await freshGraph());
process.stdout.write(`${JSON.stringify(graph, null, 1)}\n`);
