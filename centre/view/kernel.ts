/** Kernels of a host, in words. */
import { oneLine } from "../../lib/sanitize.ts";
import type { HostDetail } from "../../status/detail.ts";

/** `/nix/store/HASH-linux-6.12/bzImage` -> `linux-6.12`; any other text as it is. */
const kernelName = (path: string): string => oneLine(/^\/nix\/store\/\w+-([^/]+)\//.exec(path)?.[1] ?? path);

/** What takes effect after a reboot; undefined when no reboot is waited for, or it is not the kernel's. */
export function rebootReason({ kernel, bootedKernel }: HostDetail): string | undefined {
  if (kernel === undefined || bootedKernel === undefined || kernel === bootedKernel) return undefined;
  const [before, after] = [kernelName(bootedKernel), kernelName(kernel)];
  return before === after ? `${after}, built again` : `${before} to ${after}`;
}

/** The kernel that runs, and the one after a reboot. */
export function kernelTexts({ kernel, bootedKernel }: HostDetail): string[] {
  return [
    ...(bootedKernel === undefined ? [] : [kernelName(bootedKernel)]),
    ...(kernel === undefined || kernel === bootedKernel ? [] : [`${kernelName(kernel)} after a reboot`]),
  ];
}
