/** The sockets of the control centre as a service. */

import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { inheritedListeners, listen } from "../../../centre/listen.ts";
import { serveCentre } from "../../../centre/serve.ts";
import { serviceListeners } from "../../../cli/centre/centre.ts";
import { fleetOf, hostOf, testDatabase } from "./fixtures.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "pantheros-listen-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string) => path.join(directory, name);

/** Status and body of a request over a Unix socket. */
const get = (socketPath: string, host: string) =>
  new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    request({ socketPath, path: "/", headers: { host } }, (answer) => {
      let body = "";
      answer.on("data", (part) => {
        body += part;
      });
      answer.on("end", () => resolve({ status: answer.statusCode, body }));
    })
      .on("error", reject)
      .end();
  });

describe("sockets that systemd gives", () => {
  const env = { LISTEN_PID: "7", LISTEN_FDS: "2", LISTEN_FDNAMES: "tailscale:proxy" };

  test("each has its name and descriptor", () => {
    expect(inheritedListeners(env, 7)).toEqual([
      { name: "tailscale", target: { fd: 3 } },
      { name: "proxy", target: { fd: 4 } },
    ]);
  });

  test("those of another process, or none", () => {
    expect(inheritedListeners(env, 8)).toEqual([]);
    expect(inheritedListeners({}, 7)).toEqual([]);
  });

  test.each(["unknown", "", "loopback"])(
    "the name %j is refused, so no socket has more rights than it should",
    (name) => {
      const one = { LISTEN_PID: "7", LISTEN_FDS: "1", LISTEN_FDNAMES: name };
      expect(() => inheritedListeners(one, 7)).toThrow(
        "FileDescriptorName= of its unit must be tailscale or proxy",
      );
    },
  );
});

describe("a socket's file", () => {
  test("is for this account alone", async () => {
    const server = createServer();
    const mask = process.umask(0o022);
    try {
      await listen(server, { name: "proxy", target: { path: at("s") } });
      expect(statSync(at("s")).mode & 0o777).toBe(0o600);
      expect(process.umask()).toBe(0o022);
    } finally {
      process.umask(mask);
      server.close();
    }
  });

  test("of a process that was killed is replaced, and one in use is not", async () => {
    const killed = createSocket().listen(at("s"));
    await new Promise((ready) => killed.once("listening", ready));
    const second = createServer();
    await expect(listen(second, { name: "proxy", target: { path: at("s") } })).rejects.toThrow("EADDRINUSE");
    // A killed process leaves the file, and Node removes it on close.
    const { execFileSync } = await import("node:child_process");
    killed.close();
    execFileSync("python3", [
      "-c",
      "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
      at("s"),
    ]);
    expect(existsSync(at("s"))).toBe(true);
    await listen(second, { name: "proxy", target: { path: at("s") } });
    second.close();
  });
});

test("a service listens on its sockets only, answers its names, and has no link", async () => {
  const running = await serveCentre({
    read: () => Promise.resolve(fleetOf(hostOf({ name: "web" }))),
    database: testDatabase(),
    runs: at("runs"),
    listeners: [{ name: "proxy", target: { path: at("s") } }],
    names: ["centre.example.test"],
  });
  try {
    expect(running.port).toBeUndefined();
    expect(await get(at("s"), "other.example.test")).toMatchObject({ status: 421 });
    const answer = await get(at("s"), "centre.example.test");
    expect(answer.status).toBe(401);
    expect(answer.body).not.toContain("/hosts/web");
  } finally {
    await running.close();
  }
  expect(existsSync(at("s"))).toBe(false);
});

describe("the command's sockets", () => {
  const inherited = [{ name: "proxy", target: { fd: 3 } }] as const;
  test("systemd's, or --socket, or loopback", () => {
    expect(serviceListeners({ name: ["x"] }, inherited)).toEqual(inherited);
    expect(serviceListeners({ socket: "/run/s", name: ["x"] }, [])).toEqual([
      { name: "proxy", target: { path: "/run/s" } },
    ]);
    expect(serviceListeners({}, [])).toEqual([]);
  });
  test("both, or no name, is an invalid command line", () => {
    expect(() => serviceListeners({ socket: "/run/s", name: ["x"] }, inherited)).toThrow("--socket");
    expect(() => serviceListeners({ socket: "/run/s" }, [])).toThrow("--name");
  });
});
