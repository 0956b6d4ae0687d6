/** Starts the test's OpenID Connect provider, and goes through it as a browser does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Person } from "./oidc-provider.ts";

export interface TestProvider {
  readonly issuer: string;
  readonly set: (person: Person) => Promise<void>;
  /** Follows the provider's pages from `url`, and returns the query with which it sends the browser back. */
  readonly visit: (url: string) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** @param redirect the address of the centre to which the provider sends browsers back */
export async function startProvider(redirect: string): Promise<TestProvider> {
  const child = spawn(process.execPath, ["tests/unit/centre/oidc-provider.ts", redirect], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
  });
  let issuer = "";
  for await (const line of createInterface({ input: child.stdout })) {
    // It warns about its settings for tests.
    if (!line.startsWith("http://")) continue;
    issuer = line;
    break;
  }
  if (issuer === "") throw new Error("the provider did not start");
  return {
    issuer,
    set: async (person) => {
      await fetch(`${issuer}/person`, { method: "POST", body: JSON.stringify(person) });
    },
    visit: async (start) => {
      const cookies = new Map<string, string>();
      let url = start;
      for (let step = 0; step < 12; step++) {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
        const answered = await fetch(url, { redirect: "manual", headers: { cookie } });
        for (const line of answered.headers.getSetCookie()) {
          const [pair = ""] = line.split(";");
          const at = pair.indexOf("=");
          cookies.set(pair.slice(0, at), pair.slice(at + 1));
        }
        const next = answered.headers.get("location");
        if (next === null)
          throw new Error(`the provider answered ${answered.status}: ${await answered.text()}`);
        url = new URL(next, url).href;
        if (url.startsWith(redirect)) return new URL(url).search;
      }
      throw new Error("the provider did not come to an end");
    },
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
