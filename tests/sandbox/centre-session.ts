/** The control centre of a sandbox, started as a person does, and one session of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { until } from "../failures/rehearsal.ts";
import type { Sandbox } from "./sandbox.ts";

export interface CentreSession {
  readonly get: (path: string) => Promise<{ readonly status: number; readonly text: string }>;
  /** Sends an act's form with its reason, as its page has it. */
  readonly send: (
    fields: Readonly<Record<string, string>>,
  ) => Promise<{ readonly status: number; readonly text: string; readonly location: string }>;
  /** Does an act, and returns its page when it has ended. */
  readonly act: (fields: Readonly<Record<string, string>>) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** An act may deploy to a host and back. */
const ACT_SECONDS = 180;

/**
 * @param role in which its pages act
 * @param state directory of its database
 */
export async function startCentre(sandbox: Sandbox, role: string, state: string): Promise<CentreSession> {
  const words = ["centre", "--stack", "sandbox", "--role", role, "--state-directory", state];
  const child = spawn("tools/pantheros", words, {
    env: sandbox.environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let link = "";
  for await (const line of createInterface({ input: child.stdout })) {
    link = line;
    break;
  }
  const opened = await fetch(link);
  const [cookie = ""] = (opened.headers.get("set-cookie") ?? "").split(";");
  const request = (path: string, more: RequestInit = {}) =>
    fetch(new URL(path, link), { redirect: "manual", ...more, headers: { cookie, ...more.headers } });
  const get = async (path: string) => {
    const answer = await request(path);
    return { status: answer.status, text: await answer.text(), refresh: answer.headers.get("refresh") };
  };
  // The form's token is the same in all forms of a session.
  const formToken = async (fields: Readonly<Record<string, string>>) => {
    const { reason: _, sure: __, ...asked } = fields;
    const { text } = await get(`/acts/new?${new URLSearchParams(asked).toString()}`);
    return /name="form" value="([\w-]+)"/.exec(text)?.[1] ?? "";
  };
  const send = async (fields: Readonly<Record<string, string>>) => {
    const answer = await request("/acts", {
      method: "POST",
      headers: { origin: new URL(link).origin },
      body: new URLSearchParams({ ...fields, form: await formToken(fields) }),
    });
    return {
      status: answer.status,
      text: await answer.text(),
      location: answer.headers.get("location") ?? "",
    };
  };
  await until("the fleet was read", 60, async () =>
    (await get("/api/v1/fleet")).status === 200 ? true : undefined,
  );
  return {
    get,
    send,
    act: async (fields) => {
      const { status, text, location } = await send(fields);
      if (status !== 303) throw new Error(`${status}: ${text}`);
      return until("the act ended", ACT_SECONDS, async () => {
        const page = await get(location);
        return page.refresh === null ? page.text : undefined;
      });
    },
    stop: async () => {
      child.kill("SIGINT");
      await ended;
    },
  };
}
