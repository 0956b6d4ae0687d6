/** Logins with the caller's own account and key, for commands that are no part of a deploy. */
import { userInfo } from "node:os";
import { Option } from "commander";
import type { SshPeer } from "../../deployer/ssh.ts";
import type { OpenStack } from "./open.ts";
import { probeArgsOf } from "./probe-args.ts";

export interface LoginOptions {
  /** Account on the hosts. */
  readonly user?: string | undefined;
  /** Private key file. */
  readonly key?: string | undefined;
}

export const userOption = (): Option =>
  new Option("--user <name>", "account on the hosts; without it PANTHEROS_LOGIN_USER, then your own name");

export const keyOption = (): Option =>
  new Option(
    "--key <file>",
    "private key; without it PANTHEROS_LOGIN_KEY, then the SSH agent and your own keys",
  );

/** Help text of commands that have both options. */
export const LOGIN_NOTES = `The login is with your own account and key, never with the deploy key of PANTHEROS_SSH_KEY. The
host's key is checked against the last run's outputs, and your SSH configuration is not read.`;

/** Account and key of a login; PANTHEROS_SSH_KEY, the deploy key, is not one of them. */
export function loginOf({ user, key }: LoginOptions, env: NodeJS.ProcessEnv) {
  return {
    user: user ?? (env["PANTHEROS_LOGIN_USER"] || userInfo().username),
    identity: key ?? (env["PANTHEROS_LOGIN_KEY"] || undefined),
  };
}

/** Seconds to connect to a host. A command that runs has a limit of its own. */
const CONNECT_SECONDS = 10;

/**
 * The connection to a host; or a string, the reason why there is none.
 * @param login account and key; jump hosts of the inventory are logged into with them too
 */
export function loginPeer(
  { plan, settings, outputs }: OpenStack,
  host: string,
  { user, identity }: ReturnType<typeof loginOf>,
): SshPeer | string {
  const args = probeArgsOf({ plan, settings, outputs }, host, CONNECT_SECONDS);
  if (typeof args === "string") return args;
  const isOwn = (jump: string) => plan.hosts.some(({ name }) => name === jump);
  const { address, port, jumps, hostKey, connectSeconds } = args;
  return {
    host,
    address,
    port,
    user,
    pinned: { key: hostKey },
    ...(jumps !== undefined && {
      jumps: jumps.map((jump) => (isOwn(jump.host) ? { ...jump, user } : jump)),
    }),
    identity,
    connectSeconds,
  };
}
