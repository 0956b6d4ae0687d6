import { type PreviewArgs, previewLines } from "../../../components/nixos-host/preview/host.ts";

/** The preview's lines for a host as one text; undefined when there are none. */
export function previewText(
  host: string,
  target: PreviewArgs["target"],
  probe: PreviewArgs["probe"],
  more: Pick<PreviewArgs, "reboot" | "closures"> = {},
): string | undefined {
  const lines = previewLines({ host, target, probe, ...more });
  return lines.length === 0 ? undefined : lines.map(({ text }) => text).join("\n");
}
