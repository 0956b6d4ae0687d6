/** Which hosts a run is for. Must not import Pulumi's SDK: it runs before that is loaded. */
import type { Plan } from "../../inventory/plan.ts";
import { selectHosts } from "../../inventory/selection.ts";

/**
 * Whether a host is selected; without a selection every host is.
 * @throws RunError when the selection is empty or matches nothing.
 */
export function isSelected({ hosts }: Plan, selection: string | undefined): (host: string) => boolean {
  if (selection === undefined) return () => true;
  const names = new Set(selectHosts(selection, hosts));
  return (host) => names.has(host);
}
