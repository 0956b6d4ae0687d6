/** Platforms of NixOS systems, and the architectures on which they run. */
import * as z from "zod";

export const system = z.enum(["x86_64-linux", "aarch64-linux"]);
export type System = z.infer<typeof system>;

export type Architecture = "x86" | "arm";

export const ARCHITECTURES: Readonly<Record<System, Architecture>> = {
  "x86_64-linux": "x86",
  "aarch64-linux": "arm",
};

/** The `system` that runs on an architecture. */
export const systemFor = (architecture: Architecture): System =>
  architecture === "arm" ? "aarch64-linux" : "x86_64-linux";
