/**
 * Stack traces as Node writes them. Pulumi's SDK takes one for each promise of a resource, thousands in a fleet's run, and its
 * runner has source-map-support rewrite every one: a quarter of the program's processor time and of its memory (`make bench`,
 * `node --cpu-prof`). There is nothing to rewrite: Node strips the types in place, so positions are those of the files.
 */
Reflect.deleteProperty(Error, "prepareStackTrace");
