/** The form of a path in the Nix store: a hash of 32 characters, then a name (libstore/path.cc). */
const PREFIX = /^\/nix\/store\/[0-9a-z]{32}-/;
const NAME = /^[A-Za-z0-9+._?=-]{1,211}$/;

export const isStorePath = (text: string): boolean => PREFIX.test(text) && NAME.test(nameInStorePath(text));

/** The name in a store path, such as `nixos-system-web-25.11`. */
export const nameInStorePath = (path: string): string => path.replace(PREFIX, "");

/** The start of a store path's hash, enough to compare two systems by eye; `?` for any other text. */
export const shortHash = (path: string): string => /^\/nix\/store\/([0-9a-z]{8})/.exec(path)?.[1] ?? "?";
