import { python, run, Vendors } from "./vendors.ts";

jest.setTimeout(120_000);

describe("the Hetzner Cloud API", () => {
  let vendors: Vendors;
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${vendors.url("hetzner")}/v1${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${vendors.secret("HCLOUD_TOKEN")}`,
        "content-type": "application/json",
      },
    });
  const json = async <T>(path: string, init: RequestInit = {}) =>
    (await (await call(path, init)).json()) as T;

  beforeAll(async () => {
    vendors = await Vendors.start("dns,hetzner");
  });
  afterAll(() => vendors.stop());

  test("satisfies the vendor's own Python client", async () => {
    const argv = [python, "tests/conformance/hcloud_conformance.py", `${vendors.url("hetzner")}/v1`];
    const { stdout, stderr, code } = await run(argv, { input: `${vendors.secret("HCLOUD_TOKEN")}\n` });
    const lines = stdout.trim().split("\n");
    expect({ failed: lines.filter((line) => !line.startsWith("ok ")), stderr, code }).toEqual({
      failed: [],
      stderr: "",
      code: 0,
    });
    expect(lines).toHaveLength(9);
  });

  test("reports how many requests are left", async () => {
    const response = await call("/locations");
    expect(response.headers.get("ratelimit-limit")).toBe("3600");
    expect(Number(response.headers.get("ratelimit-remaining"))).toBeLessThan(3600);
  });

  test("answers unknown and malformed things as the vendor does", async () => {
    expect(await json("/nothing")).toMatchObject({ error: { code: "not_found" } });
    expect(await json("/ssh_keys", { method: "POST", body: "{" })).toMatchObject({
      error: { code: "json_error" },
    });
    expect(await json("/servers", { method: "POST", body: "{}" })).toMatchObject({
      error: {
        code: "invalid_input",
        details: { fields: expect.arrayContaining([expect.objectContaining({ name: "name" })]) },
      },
    });
  });

  test("reverse DNS names are in the DNS", async () => {
    const name = "web.example.test";
    const body = JSON.stringify({ name: "named", type: "ipv6", location: "fsn1" });
    const { primary_ip } = await json<{ primary_ip: { id: number; ip: string } }>("/primary_ips", {
      method: "POST",
      body,
    });
    const ip = primary_ip.ip.replace("::/64", "::1");
    const dig = async () =>
      (
        await run(["dig", "+short", "@127.0.0.1", "-p", String(vendors.ports["dns"]), "-x", ip])
      ).stdout.trim();
    const path = `/primary_ips/${primary_ip.id}/actions/change_dns_ptr`;
    expect((await call(path, { method: "POST", body: JSON.stringify({ ip, dns_ptr: name }) })).status).toBe(
      201,
    );
    expect(await dig()).toBe(`${name}.`);
    expect(
      (await call(path, { method: "POST", body: JSON.stringify({ ip, dns_ptr: "no name" }) })).status,
    ).toBe(422);
    await call(`/primary_ips/${primary_ip.id}`, { method: "DELETE" });
    expect(await dig()).toBe("");
  });

  test("a kill loses no acknowledged change and reuses no id; a server without a machine has status unknown", async () => {
    interface Created {
      server: { id: number; status: string };
      action: { id: number };
    }
    const body = JSON.stringify({ name: "kept", server_type: "cx23", image: "debian-13", location: "fsn1" });
    const { server, action } = await json<Created>("/servers", { method: "POST", body });
    for (let tries = 0; tries < 100; tries++) {
      const { action: now } = await json<{ action: { status: string } }>(`/actions/${action.id}`);
      if (now.status !== "running") break;
    }
    await vendors.end("SIGKILL");
    await vendors.launch();
    // The machines of this test are in the emulator's memory, so the kill removes them.
    expect(await json(`/servers/${server.id}`)).toMatchObject({
      server: { name: "kept", status: "unknown" },
    });
    const later = await json<{ placement_group: { id: number } }>("/placement_groups", {
      method: "POST",
      body: JSON.stringify({ name: "later", type: "spread" }),
    });
    expect(later.placement_group.id).toBeGreaterThan(action.id);
  });

  test("finishes an unfinished creation after a kill", async () => {
    const body = JSON.stringify({ name: "begun", server_type: "cx23", image: "debian-13", location: "fsn1" });
    const { server, action } = await json<{
      server: { id: number; status: string };
      action: { id: number; status: string };
    }>("/servers", { method: "POST", body });
    expect([server.status, action.status]).toEqual(["initializing", "running"]);
    // Restores the file to the time of the answer, before the machine was created.
    await vendors.end("SIGKILL");
    const { readFileSync, writeFileSync } = jest.requireActual<typeof import("node:fs")>("node:fs");
    const path = `${vendors.dir}/vendors/hetzner.json`;
    const state = JSON.parse(readFileSync(path, "utf8")) as {
      servers: Record<number, { phase: string | null }>;
      actions: Record<number, { status: string }>;
    };
    Object.assign(state.servers[server.id] ?? {}, { phase: "creating" });
    Object.assign(state.actions[action.id] ?? {}, { status: "running" });
    writeFileSync(path, JSON.stringify(state));
    await vendors.launch();
    expect(await json(`/servers/${server.id}`)).toMatchObject({
      server: { status: "running", locked: false },
    });
    expect(await json(`/actions/${action.id}`)).toMatchObject({
      action: { status: "success", progress: 100 },
    });
  });

  test("refuses to serve one directory twice and stops cleanly", async () => {
    const argv = [
      process.execPath,
      "sandbox/vendors/main.ts",
      "serve",
      "--dir",
      vendors.dir,
      "--only",
      "dns,hetzner",
      "--compute",
      "memory",
    ];
    const second = await run([...argv, "--listen", "127.0.0.1"]);
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`served by process ${vendors.pid}`),
    });
    expect(await vendors.end("SIGTERM")).toBe(0);
    expect(vendors.output).toMatch(/^stopped$/m);
    await vendors.launch();
  });
});
