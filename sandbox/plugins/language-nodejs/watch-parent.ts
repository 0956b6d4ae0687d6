/**
 * Loaded into every process that must end with its parent: a killed engine or host sends no signal, but the
 * parent id changes. The timer does not keep the process alive.
 */
const INTERVAL_MS = 1_000;

const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, INTERVAL_MS).unref();
