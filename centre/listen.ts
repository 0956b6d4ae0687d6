/** Where the control centre listens. What a proxy adds to a request counts only on the proxy's own listener. */
import { lstatSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";

/**
 * loopback: the person who started it. tailscale: a socket that only `tailscale serve` can connect to.
 * proxy: a socket that only the web server can connect to.
 */
const LISTENERS = ["loopback", "tailscale", "proxy"] as const;
export type ListenerName = (typeof LISTENERS)[number];

export interface Listener {
  readonly name: ListenerName;
  /** `fd`: a socket that is open already, such as one of systemd's. */
  readonly target:
    | { readonly host: string; readonly port: number }
    | { readonly path: string }
    | { readonly fd: number };
}

/** The first descriptor that systemd passes. Source: sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3;

const isName = (text: string): text is ListenerName => (LISTENERS as readonly string[]).includes(text);

/**
 * The sockets that systemd has opened for the process `pid`; none when it has not.
 * @throws Error when a socket has another name than a listener's
 */
export function inheritedListeners(env: NodeJS.ProcessEnv, pid: number): Listener[] {
  if (env["LISTEN_PID"] !== String(pid)) return [];
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  return Array.from({ length: Number(env["LISTEN_FDS"] ?? 0) }, (_, at): Listener => {
    const name = names[at] ?? "";
    if (!isName(name) || name === "loopback") {
      throw new Error(`the socket "${name}": FileDescriptorName= of its unit must be tailscale or proxy`);
    }
    return { name, target: { fd: FIRST_DESCRIPTOR + at } };
  });
}

/** Whether a process accepts connections on the socket. */
const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

/** Removes the socket of a process that was killed. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() && !(await isAnswered(path))) unlinkSync(path);
}

/**
 * Listens; a socket's file is for this account alone.
 * @throws Error when the port or the socket is in use
 */
export async function listen(server: Server, { target }: Listener): Promise<void> {
  if ("path" in target) await removeStale(target.path);
  await new Promise<void>((ready, fail) => {
    server.once("error", fail);
    // The file is made while `listen` is called, with the modes that the mask leaves.
    const mask = process.umask("path" in target ? 0o177 : process.umask());
    try {
      server.listen(target, ready);
    } finally {
      process.umask(mask);
    }
  });
}
