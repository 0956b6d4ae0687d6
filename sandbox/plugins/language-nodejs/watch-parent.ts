/**
 * Loaded into every process whose life must not outlast its parent's: a killed engine or host can pass no signal on,
 * but the parent id changes. The timer does not keep the process alive by itself.
 */
const INTERVAL_MILLISECONDS = 1_000;

const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, INTERVAL_MILLISECONDS).unref();
