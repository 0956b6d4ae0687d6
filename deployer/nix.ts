/** Starts every command line of Nix: its new interface is an experimental feature. */
export const NIX = ["nix", "--extra-experimental-features", "nix-command flakes"];
