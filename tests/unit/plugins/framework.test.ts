import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Hono } from "hono";
import {
  differences,
  formatPath,
  inputsAfterRead,
  parsePath,
} from "../../../sandbox/plugins/framework/diff.ts";
import { delayBefore, HttpClient, isRetryable } from "../../../sandbox/plugins/framework/http.ts";
import type { Property } from "../../../sandbox/plugins/framework/resource.ts";
import {
  decode,
  encode,
  hasUnknown,
  type Json,
  object,
  type Properties,
  sameValue,
  UNKNOWN,
} from "../../../sandbox/plugins/framework/values.ts";
import { vendor } from "./session.ts";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const secret = (value: Json) => ({ [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value });

test("secret marks are removed by decode and restored by encode, at any depth", () => {
  const sent: Properties = { a: secret("x"), list: [{ b: secret(1) }, "plain"], plain: true };
  const { values, secrets } = decode(encode(sent));
  expect(values).toEqual({ a: "x", list: [{ b: 1 }, "plain"], plain: true });
  expect(encode(values, secrets).toJavaScript()).toEqual(sent);
  expect(JSON.stringify(encode({ ...values, a: "y" }, secrets).toJavaScript())).toContain(
    JSON.stringify(secret("y")),
  );
});

test("internal records of the official plugins are skipped, at any depth", () => {
  const { values } = decode(
    encode({
      __defaults: ["keepDisk"],
      __meta: '{"schema_version":"0"}',
      __pulumi_raw_state_delta: { obj: {} },
      rules: [{ __defaults: [], port: "22" }],
      name: "web",
    }),
  );
  expect(values).toEqual({ rules: [{ port: "22" }], name: "web" });
});

test("all unknown values decode to one, and are found at any depth", () => {
  const boolean = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7";
  const output = { [SIGNATURE]: "d0e6a833031e9bbcd3f4e8bde6ca49a4", secret: true };
  const { values, secrets } = decode(encode({ deep: { a: [boolean] }, output }));
  expect(values).toEqual({ deep: { a: [UNKNOWN] }, output: UNKNOWN });
  expect(secrets.get("output")).toBe(true);
  expect([hasUnknown(values["deep"]), hasUnknown("known")]).toEqual([true, false]);
});

test.each([
  [["labels", "env"], "labels.env"],
  [["rules", 0, "port"], "rules[0].port"],
  [["labels", "a.b"], 'labels["a.b"]'],
  [["triggers", 1], "triggers[1]"],
])("path %j is formatted as %s and parsed again", (path, written) => {
  expect(formatPath(path)).toBe(written);
  expect(parsePath(written)).toEqual(path);
});

const properties: Record<string, Property> = {
  name: { type: "string", replace: true },
  tags: { type: "list", set: true, default: [] },
  labels: { type: "map" },
  enabled: { type: "boolean", default: false },
  token: { type: "string", writeOnly: true },
};

test("an absent input equals its default; order matters in lists only", () => {
  expect(
    differences(properties, { name: "a", tags: ["x", "y"] }, { name: "a", tags: ["y", "x"], enabled: false }),
  ).toEqual([]);
  expect(differences(properties, { name: "a" }, { name: "b", enabled: true, labels: { k: "v" } })).toEqual([
    { path: "name", change: "update", replace: true },
    { path: "enabled", change: "add", replace: false },
    { path: "labels", change: "add", replace: false },
  ]);
  expect(
    differences(properties, { labels: { a: "1", b: "2" } }, { labels: { b: "3", c: "4" } }).map(
      ({ path }) => path,
    ),
  ).toEqual(["labels.a", "labels.b", "labels.c"]);
});

test("an unknown value is a change; an ignored path is not", () => {
  expect(differences(properties, { name: "a" }, { name: UNKNOWN })).toHaveLength(1);
  expect(differences(properties, { labels: { a: "1" } }, { labels: { a: "2" } }, ["labels.a"])).toEqual([]);
  expect(differences(properties, { labels: { a: "1" } }, { labels: { a: "2" } }, ["labels[*]"])).toEqual([]);
});

test("a read keeps the program's spelling and write-only inputs, and takes drift", () => {
  const asked = { name: "a", tags: ["x", "y"], token: "t" };
  expect(
    inputsAfterRead(properties, asked, {
      name: "a",
      tags: ["y", "x"],
      labels: { made: "elsewhere" },
      enabled: false,
    }),
  ).toEqual(asked);
  expect(inputsAfterRead(properties, asked, { name: "b", tags: [], enabled: true })).toEqual({
    name: "b",
    tags: [],
    token: "t",
    enabled: true,
  });
  expect(inputsAfterRead(properties, {}, { name: "a", labels: { l: "1" }, enabled: false })).toEqual({
    name: "a",
    labels: { l: "1" },
  });
});

test("objects are equal whatever the order of their keys", () => {
  expect(sameValue({ a: [1, { b: 2, c: 3 }] }, { a: [1, { c: 3, b: 2 }] })).toBe(true);
  expect(sameValue({ a: 1 }, { a: 1, b: 2 })).toBe(false);
});

describe("http", () => {
  const seen: string[] = [];
  let answers: [number, string][] = [];
  let client: HttpClient;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const app = new Hono();
    app.all("*", (context) => {
      seen.push(context.req.method);
      const [status, body] = answers.shift() ?? [200, "{}"];
      return new Response(body, { status });
    });
    const server = await vendor(app);
    close = server.close;
    const describe = (body: Json) => ({ code: "code", message: String(object(body)["why"] ?? body) });
    client = new HttpClient({
      base: server.url,
      headers: {},
      describe,
      backoff: 1,
      attempts: 3,
      retryCodes: [],
    });
  });
  afterAll(() => close());
  beforeEach(() => seen.splice(0));

  const send = (method: string) =>
    client.request({ method, path: "/p", signal: new AbortController().signal });

  test("retries 429 and 5xx a bounded number of times", async () => {
    answers = [
      [429, ""],
      [502, ""],
      [200, '{"ok":1}'],
    ];
    expect((await send("GET")).json).toEqual({ ok: 1 });
    answers = [
      [500, "a"],
      [500, "b"],
      [500, '{"why":"c"}'],
      [200, ""],
    ];
    await expect(send("GET")).rejects.toThrow(
      "GET /p: 500 code: c after 3 attempts; run the same command again",
    );
    expect(seen).toHaveLength(6);
  });

  test("does not retry a request that may have taken effect", async () => {
    answers = [[500, "broken"]];
    await expect(send("POST")).rejects.toThrow("POST /p: 500 code: broken");
    answers = [[409, "taken"]];
    await expect(send("PUT")).rejects.toThrow("PUT /p: 409 code: taken");
    expect(seen).toEqual(["POST", "PUT"]);
    expect([isRetryable("POST", 503), isRetryable("POST", 502), isRetryable("DELETE", 502)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  test("an answer that is not the vendor's is an error, except to a deletion", async () => {
    const check = "check the endpoint, and whether a proxy or a login page is in front of it";
    answers = [[200, "<html>"]];
    await expect(send("GET")).rejects.toThrow(
      `GET /p: 200: the answer is not the vendor's JSON: text/plain; charset=UTF-8; ${check}`,
    );
    answers = [[200, ""]];
    await expect(send("POST")).rejects.toThrow(`POST /p: 200: the answer is empty; ${check}`);
    answers = [[200, ""]];
    expect((await send("DELETE")).status).toBe(200);
    answers = [[200, "// text\n{}"]];
    const signal = new AbortController().signal;
    const raw = await client.request({ method: "GET", path: "/p", rawAnswer: true, signal });
    expect(raw.text).toBe("// text\n{}");
  });

  test("waits as long as the vendor requests, and at most 30 s", () => {
    expect([
      delayBefore(0, 500, null),
      delayBefore(2, 500, null),
      delayBefore(0, 500, "3"),
      delayBefore(20, 500, null),
    ]).toEqual([500, 2000, 3000, 30_000]);
  });

  test("a vendor that never answers is an error with a remedy", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
    const { port } = silent.address() as AddressInfo;
    const base = `http://127.0.0.1:${port}`;
    const describe = () => ({ code: "", message: "" });
    const client = new HttpClient({ base, headers: {}, attemptTimeout: 100, describe });
    const asking = client.request({ method: "POST", path: "/p", signal: new AbortController().signal });
    await expect(asking).rejects.toThrow(
      `POST ${base}/p: no answer within 0.1 s; run the same command again`,
    );
    silent.closeAllConnections();
    silent.close();
  });

  test("a refused connection: the error has method, address and reason", async () => {
    const unreachable = new HttpClient({
      base: "http://127.0.0.1:1",
      headers: {},
      describe: () => ({ code: "", message: "" }),
    });
    const asking = unreachable.request({ method: "GET", path: "/p", signal: new AbortController().signal });
    await expect(asking).rejects.toThrow(/^GET http:\/\/127\.0\.0\.1:1\/p: .*(ECONNREFUSED|bad port)/);
  });
});
