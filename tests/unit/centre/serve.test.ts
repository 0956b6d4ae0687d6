import path from "node:path";
import { serveCentre } from "../../../centre/serve.ts";
import type { HostDetail } from "../../../status/detail.ts";
import { fleetOf, hostOf, testDatabase, testDirectory } from "./fixtures.ts";

const directory = testDirectory();
const serve = (port: number, ...hosts: readonly HostDetail[]) =>
  serveCentre({
    read: () => Promise.resolve(fleetOf(...hosts)),
    database: testDatabase(),
    runs: path.join(directory, "runs"),
    port,
  });

test("it listens on loopback, its link opens the pages, and the events name the revision", async () => {
  const running = await serve(0, hostOf({ name: "web" }));
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
  const running = await serve(0);
  try {
    await expect(serve(running.port ?? 0)).rejects.toThrow("EADDRINUSE");
  } finally {
    await running.close();
  }
});
