import { createHash } from "node:crypto";
import { type Context, Hono } from "hono";
import { TailscaleError } from "./errors.ts";
import { parseHujson } from "./hujson.ts";
import { checkPolicy } from "./policy.ts";
import { DEFAULT_ACL } from "./state.ts";
import type { Tailnet } from "./tailnet.ts";

/** ETag of a policy file, without quotes. */
const policyTag = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Answers the policy, with its ETag: unchanged to a client that accepts HuJSON, as JSON to others. */
function answerPolicy(context: Context, text: string): Response {
  const etag = `"${policyTag(text)}"`;
  if ((context.req.header("accept") ?? "").includes("application/hujson")) {
    return context.body(text, 200, { "content-type": "application/hujson", etag });
  }
  return context.body(`${JSON.stringify(parseHujson(text), null, "\t")}\n`, 200, {
    "content-type": "application/json",
    etag,
  });
}

/** `/tailnet/{tailnet}/acl`. */
export function acl(tailnet: Tailnet): Hono {
  const app = new Hono();
  const { state } = tailnet;
  const base = "/tailnet/:tailnet/acl";

  app.get(base, (context) => answerPolicy(context, state.acl));

  app.post(base, async (context) => {
    const match = context.req.header("if-match")?.replaceAll('"', "");
    const current = match === "ts-default" ? policyTag(DEFAULT_ACL) : match;
    if (current !== undefined && current !== policyTag(state.acl)) {
      throw new TailscaleError(412, "precondition failed, invalid old hash");
    }
    // An empty policy restores the default; the official provider sends it at a deletion.
    const text = (await context.req.text()) || DEFAULT_ACL;
    const problem = checkPolicy(text);
    if (problem !== undefined) throw new TailscaleError(400, problem.message, problem.data);
    state.acl = text;
    return answerPolicy(context, text);
  });

  // An invalid policy is answered with 200 and a message, a valid one with an empty object.
  app.post(`${base}/validate`, async (context) => {
    const text = await context.req.text();
    return context.json(checkPolicy(text) ?? {});
  });

  return app;
}
