/**
 * Renames or removes a host's tailnet device: `PANTHEROS_DEVICE='{…}' node deployer/tailnet-device/main.ts rename|remove`,
 * with the JSON of spec.ts. A failure is a warning and the exit code is 0, because the tailnet must not stop the renaming
 * or the removal of a host.
 * Environment: TAILSCALE_API_KEY, or TAILSCALE_OAUTH_CLIENT_ID and TAILSCALE_OAUTH_CLIENT_SECRET; TAILSCALE_TAILNET.
 */
import { TailscaleApi, tailscaleCredentials } from "../../clients/tailscale/api.ts";
import { idOf, listDevices, removeDevice, renameDevice, tagDevice } from "../../clients/tailscale/devices.ts";
import { messageOf } from "../../lib/message-of.ts";
import { type DeviceSpec, devicesOf } from "./spec.ts";

const print = (line: string) => process.stderr.write(`${line}\n`);

async function findDevices(api: TailscaleApi, host: string, tag: string) {
  const devices = await listDevices(api, process.env["TAILSCALE_TAILNET"]);
  return devicesOf(devices, host, tag).flatMap((device) => {
    const id = idOf(device);
    return id === undefined ? [] : [{ id, name: device.name }];
  });
}

async function remove(api: TailscaleApi, { host, tag }: DeviceSpec): Promise<void> {
  for (const { id, name } of await findDevices(api, host, tag)) {
    await removeDevice(api, id);
    print(`tailnet device ${name} removed`);
  }
}

/** Runs before the first deploy under the new name, which connects to that name. */
async function rename(api: TailscaleApi, { host, tag, formerly, tags }: DeviceSpec): Promise<void> {
  if (formerly === undefined || tags === undefined) return;
  // A renaming that was interrupted has set the new tag already.
  const started = await findDevices(api, formerly.host, tag);
  const others = (await findDevices(api, formerly.host, formerly.tag)).filter(
    ({ id }) => !started.some((device) => device.id === id),
  );
  const [device, ...more] = [...started, ...others];
  if (device === undefined) return;
  if (more.length > 0)
    throw new Error(`${more.length + 1} devices are named ${formerly.host}; rename the right one by hand`);
  await tagDevice(api, device.id, tags);
  await renameDevice(api, device.id, host);
  print(`tailnet device ${device.name} renamed to ${host}`);
}

const [verb] = process.argv.slice(2);
const spec = JSON.parse(process.env["PANTHEROS_DEVICE"] ?? "null") as DeviceSpec | null;
if (spec === null || (verb !== "rename" && verb !== "remove")) {
  print("usage: PANTHEROS_DEVICE='{…}' main.ts rename|remove");
  process.exitCode = 2;
} else {
  try {
    const credentials = tailscaleCredentials(process.env);
    const api = new TailscaleApi({ endpoint: spec.api, credentials, scope: "devices:core" });
    await { rename, remove }[verb](api, spec);
  } catch (error) {
    const advice =
      verb === "remove"
        ? "remove it in the tailnet's admin console"
        : `in the admin console, name it ${spec.host} and set its tags`;
    print(`warning: tailnet device of ${spec.host}: ${messageOf(error)}; ${advice}`);
  }
}
