import { type Context, Hono } from "hono";
import { bad, notFound, readObject, strings } from "./errors.ts";
import { freeLabel } from "./names.ts";
import { definedTags } from "./policy.ts";
import type { DeviceRow } from "./state.ts";
import type { Tailnet } from "./tailnet.ts";

export function deviceView(tailnet: Tailnet, device: DeviceRow) {
  const { label, connected = true, ...shown } = device;
  return {
    ...shown,
    name: `${label}.${tailnet.options.suffix}`,
    user: device.tags.length > 0 ? "tagged-devices" : "admin@example.test",
    // The vendor leaves `tags` out when there are none.
    ...(device.tags.length === 0 && { tags: undefined }),
    expires: device.keyExpiryDisabled ? "0001-01-01T00:00:00Z" : device.expires,
    blocksIncomingConnections: false,
    clientVersion: "1.90.0",
    isExternal: false,
    connectedToControl: connected,
    os: "linux",
    tailnetLockError: "",
    tailnetLockKey: "",
    updateAvailable: false,
  };
}

/** `/tailnet/{tailnet}/devices` and `/device/{id}`; both the old numeric id and the node id find a device. */
export function devices(tailnet: Tailnet): Hono {
  const app = new Hono();
  const rows = tailnet.state.devices;
  const find = (context: Context): DeviceRow => {
    const id = context.req.param("id");
    const device = Object.values(rows).find((row) => row.id === id || row.nodeId === id);
    if (device === undefined) throw notFound();
    return device;
  };
  const emptyAnswer = (context: Context) => context.body(null, 200);

  app.get("/tailnet/:tailnet/devices", (context) =>
    context.json({ devices: Object.values(rows).map((device) => deviceView(tailnet, device)) }),
  );

  app.get("/device/:id", (context) => context.json(deviceView(tailnet, find(context))));

  app.delete("/device/:id", async (context) => {
    delete rows[find(context).id];
    await tailnet.publish();
    return emptyAnswer(context);
  });

  app.post("/device/:id/tags", async (context) => {
    const device = find(context);
    const tags = strings(await readObject(context), "tags");
    const defined = definedTags(tailnet.state.acl);
    const wrong = tags.filter((tag) => !defined.has(tag));
    if (wrong.length > 0) throw bad(`requested tags [${wrong.join(" ")}] are invalid or not permitted`);
    device.tags = tags;
    return emptyAnswer(context);
  });

  app.post("/device/:id/name", async (context) => {
    const device = find(context);
    const name = String((await readObject(context)).name ?? "");
    const taken = new Set(Object.values(rows).flatMap((row) => (row.id === device.id ? [] : [row.label])));
    const label = freeLabel(name === "" ? device.hostname : name, taken);
    if (name !== "" && label !== name.split(".")[0]?.toLowerCase())
      throw bad(`name "${name}" is invalid or taken`);
    device.label = label;
    await tailnet.publish();
    return emptyAnswer(context);
  });

  return app;
}
