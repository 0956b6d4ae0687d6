/** Edits of a fleet's text: the faults of rows, and the machines and settings of a test file's sandbox. */
export type Edit = (fleet: string) => string;

export const all =
  (...edits: readonly Edit[]): Edit =>
  (fleet) =>
    edits.reduce((text, edit) => edit(text), fleet);

export const nothing: Edit = (fleet) => fleet;

/** Adds `more` to a host's `extra` table. */
export const fault =
  (host: string, more: string): Edit =>
  (fleet) =>
    fleet.replace(`motd = "${host} of the sandbox"`, `motd = "${host} of the sandbox", ${more}`);

/** Changes a host's system and nothing else. */
export const change =
  (host: string, text: string): Edit =>
  (fleet) =>
    fleet.replace(`motd = "${host} of the sandbox"`, `motd = "${text}"`);

/** Adds a health check to a host; `target` is the key of its kind, such as `unit = "a.service"`. */
export const check =
  (host: string, name: string, kind: string, target: string): Edit =>
  (fleet) =>
    `${fleet}\n[[hosts.${host}.health]]\nname = "${name}"\nkind = "${kind}"\n${target}\n`;

export const gateFile = "/run/pantheros-gate";

/** A health check that waits for `openGate`: the new system runs and waits at a known point. */
export const gated = (host: string): Edit =>
  check(host, "gate", "command", `command = "test -e ${gateFile}"`);

/** More machines, adopted; the first at 198.51.100.`from`. */
export const withMachines =
  (names: readonly string[], from = 21): Edit =>
  (fleet) =>
    names.reduce(
      (text, name, index) => `${text}
[hosts.${name}]
environment = "sandbox"
profiles = ["server"]
tags = ["server"]
provider = { kind = "existing", vendor = "home", address = "198.51.100.${from + index}" }
extra = { motd = "${name} of the sandbox" }
`,
      fleet,
    );

/** Sets a key of a host's own table. */
export const key =
  (host: string, line: string): Edit =>
  (fleet) =>
    fleet.replace(`[hosts.${host}]`, `[hosts.${host}]\n${line}`);

/** Sets the windows, in seconds; the sandbox's fleet has 30 and 20. */
export const windows =
  (confirm: number, health: number, confirmBefore = 30, healthBefore = 20): Edit =>
  (fleet) =>
    fleet
      .replace(`confirm_seconds = ${confirmBefore}`, `confirm_seconds = ${confirm}`)
      .replace(`health_seconds = ${healthBefore}`, `health_seconds = ${health}`);
