/** `provider = { kind = "image" }` of a host: a system without a machine. */
import * as z from "zod";
import type { ProviderTable } from "../../inventory/provider.ts";

const schema = z.strictObject({
  kind: z
    .literal("image")
    .describe("built from the flake and never deployed: a virtual machine, an installation ISO"),
});

export type ImageProvider = z.infer<typeof schema>;

export const table = {
  kind: "image",
  schema,
  machines: "none",
} as const satisfies ProviderTable<ImageProvider>;
