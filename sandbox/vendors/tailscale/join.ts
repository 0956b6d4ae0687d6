import { randomBytes } from "node:crypto";
import { Hono } from "hono";
import { deviceView } from "./devices.ts";
import { bad, readObject, TailscaleError } from "./errors.ts";
import { hashKey, isInvalid } from "./keys.ts";
import { deviceAddresses, freeLabel } from "./names.ts";
import { type DeviceRow, type KeyRow, randomWord, stamp } from "./state.ts";
import type { Tailnet } from "./tailnet.ts";

/** Days after which a device has to log in again: the vendor's default. */
const KEY_DAYS = 180;

/** The key of a secret. @throws TailscaleError as the control server answers an invalid one */
function validKey(tailnet: Tailnet, secret: string): KeyRow {
  const key = Object.values(tailnet.state.keys).find((row) => row.hash === hashKey(secret));
  if (key === undefined || isInvalid(key))
    throw new TailscaleError(403, "invalid key: API key does not exist or is expired or used");
  return key;
}

function register(tailnet: Tailnet, key: KeyRow, hostname: string): DeviceRow {
  const { state } = tailnet;
  const number = state.nextDevice++;
  const create = key.capabilities.devices.create;
  const { tags } = create;
  const device: DeviceRow = {
    id: String(50_000_000 + number),
    nodeId: `n${randomWord(10)}CNTRL`,
    hostname,
    label: freeLabel(hostname, new Set(Object.values(state.devices).map((row) => row.label))),
    addresses: deviceAddresses(number),
    authorized: true,
    tags,
    // Tagged devices have no user who could renew their key.
    keyExpiryDisabled: tags.length > 0,
    isEphemeral: create.ephemeral,
    created: stamp(),
    expires: stamp(new Date(Date.now() + KEY_DAYS * 86_400_000)),
    lastSeen: stamp(),
    machineKey: `mkey:${randomBytes(32).toString("hex")}`,
    nodeKey: `nodekey:${randomBytes(32).toString("hex")}`,
  };
  state.devices[device.id] = device;
  key.uses += 1;
  return device;
}

/**
 * `POST /sandbox/join` exists in the sandbox only: it replaces `tailscale up --auth-key`, whose
 * protocol is not HTTP. Body: `authKey` and `hostname`, or `nodeKey` for a device that joined
 * before (it keeps its identity and needs no key, as after a restart of tailscaled); with
 * `connected` false, its machine is off from then on. The auth key is the authorisation; no API
 * token is needed.
 * Answer: the device, and the tailnet's name.
 */
export function join(tailnet: Tailnet): Hono {
  const app = new Hono();
  app.post("/sandbox/join", async (context) => {
    const body = await readObject(context);
    const nodeKey = typeof body.nodeKey === "string" ? body.nodeKey : "";
    const known = Object.values(tailnet.state.devices).find((row) => row.nodeKey === nodeKey);
    if (known !== undefined) {
      known.lastSeen = stamp();
      known.connected = body.connected !== false;
      return context.json({ device: deviceView(tailnet, known), tailnet: tailnet.options.suffix });
    }
    const hostname = String(body.hostname ?? "");
    if (hostname === "") throw bad("hostname is required");
    const key = validKey(tailnet, String(body.authKey ?? ""));
    const device = register(tailnet, key, hostname);
    await tailnet.publish();
    return context.json({ device: deviceView(tailnet, device), tailnet: tailnet.options.suffix });
  });
  return app;
}
