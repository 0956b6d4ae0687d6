import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { TAILSCALE_ENDPOINT } from "../../clients/tailscale/api.ts";
import { PROGRAMS } from "../../deployer/programs.ts";
import type { DeviceSpec } from "../../deployer/tailnet-device/spec.ts";
import { IGNORED_COMMAND_INPUTS } from "../command-inputs.ts";
import { hostTag, type TaggedHost, tagsOf } from "./policy.ts";

const PROGRAM = PROGRAMS.tailnetDevice;

/** Uses this run's Node, or the one on PATH if it is gone: a device may be removed years after its creation. */
const deviceCommand = (verb: "rename" | "remove"): string =>
  `if [ -x "$PANTHEROS_NODE" ]; then node=$PANTHEROS_NODE; else node=node; fi; ` +
  `"$node" ${PROGRAM} ${verb} || echo "warning: tailnet device: ${PROGRAM} could not run" >&2`;

/** The API's URL, from the provider's own setting. */
export const apiBase = (env: NodeJS.ProcessEnv = process.env): string =>
  new pulumi.Config("tailscale").get("baseUrl") || env["TAILSCALE_BASE_URL"] || TAILSCALE_ENDPOINT;

/**
 * A host's device in the tailnet. The host joins by itself; this resource removes the device when it is
 * deleted, and gives it the new name and tags when the host is renamed. The vendor's provider can do
 * neither. A failure is a warning and never fails a run.
 *
 * Access: beside the scopes of the stack's keys, `devices:core`; the token comes from the environment.
 */
export function tailnetDevice(
  name: string,
  host: TaggedHost & { readonly formerly?: string | undefined },
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const { formerly } = host;
  const spec: DeviceSpec = {
    api: apiBase(),
    host: host.name,
    tag: hostTag(host.name),
    ...(formerly !== undefined && {
      formerly: { host: formerly, tag: hostTag(formerly) },
      tags: tagsOf(host),
    }),
  };
  const device = new command.local.Command(
    name,
    {
      create: formerly === undefined ? ":" : deviceCommand("rename"),
      delete: deviceCommand("remove"),
      environment: { PANTHEROS_DEVICE: JSON.stringify(spec), PANTHEROS_NODE: process.execPath },
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    { ...opts, ignoreChanges: IGNORED_COMMAND_INPUTS },
  );
  return device.stdout;
}
