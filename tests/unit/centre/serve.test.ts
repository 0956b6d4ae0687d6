import { serveCentre } from "../../../centre/serve.ts";
import { fleetOf, hostOf } from "./fixtures.ts";

test("it listens on loopback, its link opens the pages, and the events name the revision", async () => {
  const running = await serveCentre(() => Promise.resolve(fleetOf(hostOf({ name: "web" }))), 0);
  try {
    const opened = await fetch(running.newLink());
    const [cookie = ""] = (opened.headers.get("set-cookie") ?? "").split(";");
    const at = (path: string) => fetch(`http://127.0.0.1:${running.port}${path}`, { headers: { cookie } });
    expect(await (await at("/")).text()).toContain("/hosts/web");
    const events = (await at("/live")).body?.getReader();
    const { value } = (await events?.read()) ?? {};
    expect(new TextDecoder().decode(value)).toMatch(/^event: revision\ndata: \d+\n\n/);
    await events?.cancel();
  } finally {
    await running.close();
  }
});

test("a port in use is an error", async () => {
  const running = await serveCentre(() => Promise.resolve(fleetOf()), 0);
  try {
    await expect(serveCentre(() => Promise.resolve(fleetOf()), running.port)).rejects.toThrow("EADDRINUSE");
  } finally {
    await running.close();
  }
});
