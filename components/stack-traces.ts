/**
 * Turns off source-map-support, which Pulumi's runner installs. The SDK takes a stack trace for each
 * promise of a resource, thousands in a fleet's run, and rewriting them costs a quarter of the program's
 * processor time and memory (`make bench`, `node --cpu-prof`). Nothing needs rewriting: Node strips
 * types in place, so positions are those of the files.
 */
Reflect.deleteProperty(Error, "prepareStackTrace");
