/**
 * Whom `tailscale serve` says a request is from. Its headers count on the socket that only it can reach, and only when
 * tailscaled, asked itself, says the same of the connection's address. Source: https://tailscale.com/kb/1312/serve
 */
import { request } from "node:http";
import * as z from "zod";
import type { Identity } from "./identity.ts";
import { identityWith, type People, roleOfEmail } from "./roles.ts";

/** Asks whose an address of the tailnet is: the login, or undefined for tagged devices and unknown addresses. */
export type WhoIs = (address: string) => Promise<string | undefined>;

const MAX_ANSWER = 256 * 1024;
const TIMEOUT_MS = 2000;

/** The part of tailscaled's answer that is used. Source: apitype.WhoIsResponse of tailscale.com/client. */
const whoIsAnswer = z.object({
  Node: z.object({ Tags: z.array(z.string()).nullish() }),
  UserProfile: z.object({ LoginName: z.string() }),
});

/** @param socket of tailscaled, such as `/var/run/tailscale/tailscaled.sock` */
export const askTailscaled =
  (socket: string): WhoIs =>
  (address) =>
    new Promise((answer) => {
      const asked = request(
        {
          socketPath: socket,
          path: `/localapi/v0/whois?addr=${encodeURIComponent(address)}`,
          headers: { host: "local-tailscaled.sock" },
          timeout: TIMEOUT_MS,
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (part: string) => {
            text += part;
            if (text.length > MAX_ANSWER) asked.destroy();
          });
          response.on("error", () => answer(undefined));
          response.on("end", () => answer(response.statusCode === 200 ? loginOf(text) : undefined));
        },
      );
      asked.on("timeout", () => asked.destroy());
      asked.on("error", () => answer(undefined));
      asked.on("close", () => answer(undefined));
      asked.end();
    });

function loginOf(text: string): string | undefined {
  try {
    const read = whoIsAnswer.safeParse(JSON.parse(text));
    if (!read.success || (read.data.Node.Tags ?? []).length > 0) return undefined;
    return read.data.UserProfile.LoginName;
  } catch {
    return undefined;
  }
}

/**
 * The user of the inventory whose `email` is the login.
 * @param header reads a header of the request
 */
export async function tailscaleIdentity(
  header: (name: string) => string | undefined,
  people: People,
  whoIs: WhoIs,
): Promise<Identity | undefined> {
  const login = header("tailscale-user-login");
  const address = header("x-forwarded-for");
  if (login === undefined || address === undefined || !/^[0-9a-fA-F:.]+$/.test(address)) return undefined;
  if ((await whoIs(address)) !== login) return undefined;
  return identityWith(people, { who: login, door: "tailscale", role: roleOfEmail(people, login) });
}
