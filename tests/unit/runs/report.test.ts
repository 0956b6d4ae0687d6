/** Reporting a run to a control centre elsewhere. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { RunEvent } from "../../../runs/contract.ts";
import { Reporter, reporterFrom } from "../../../runs/report.ts";
import { startOf } from "./fixtures.ts";

const ID = "20260101T000000Z-00000001";
const at = "2026-01-01T00:00:01.000Z";
const phase: RunEvent = { type: "phase", at, host: "web", phase: "copy" };
const end: RunEvent = { type: "end", at, result: "succeeded" };

interface Taken {
  readonly from: number;
  readonly events: readonly RunEvent[];
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A centre that answers with these, one after the other, then as it should. */
async function centre(...answers: readonly [number, object][]) {
  const taken: Taken[] = [];
  const seen: string[] = [];
  let count = 0;
  server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      const [status, answer] = answers[seen.length - 1] ?? [200, undefined];
      if (answer === undefined) {
        const parsed = JSON.parse(body) as Taken;
        taken.push(parsed);
        count = Math.max(count, parsed.from + parsed.events.length);
      }
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? { next: count }));
    });
  });
  await new Promise<void>((ready) => server?.listen(0, "127.0.0.1", ready));
  const warnings: string[] = [];
  const reporter = new Reporter({
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: "pantheros_token",
    id: ID,
    warn: (line) => warnings.push(line),
    retryMs: 1,
  });
  return { reporter, taken, seen, warnings };
}

test("all events arrive in their order, with the token", async () => {
  const { reporter, taken, seen, warnings } = await centre();
  reporter.add([startOf(ID)]);
  reporter.add([phase]);
  await new Promise((resume) => setImmediate(resume));
  reporter.add([end]);
  await reporter.close();
  expect(taken.flatMap(({ events }) => events)).toEqual([startOf(ID), phase, end]);
  expect(new Set(seen)).toEqual(new Set([`POST /api/v1/runs/${ID}/events Bearer pantheros_token`]));
  expect(warnings).toEqual([]);
});

test("it tries again while the centre has trouble, and goes on where the centre is", async () => {
  const { reporter, taken, warnings } = await centre([503, { title: "Not taken" }], [502, {}]);
  reporter.add([startOf(ID), phase]);
  await reporter.close();
  expect(taken).toEqual([{ from: 0, events: [startOf(ID), phase] }]);
  expect(warnings).toEqual([]);
});

test("a refusal ends it with one warning that has no token", async () => {
  const { reporter, seen, warnings } = await centre([403, { title: "Not allowed", detail: "no run.report" }]);
  reporter.add([startOf(ID)]);
  await reporter.close();
  reporter.add([end]);
  await reporter.close();
  expect(seen).toHaveLength(1);
  expect(warnings[0]).toBe("the control centre did not get this run: 403 Not allowed: no run.report");
});

test("without events it says that the run goes on", async () => {
  const { reporter, taken } = await centre();
  reporter.add([startOf(ID)]);
  await reporter.close();
  reporter.touch();
  while (taken.length < 2) await new Promise((resume) => setTimeout(resume, 5));
  expect(taken[1]).toEqual({ from: 1, events: [] });
});

test.each([
  ["http://centre.example.test", /must begin with https/],
  ["centre", /Invalid URL/],
])("the token is not sent to %s", (address, message) => {
  expect(() => new Reporter({ address, token: "t", id: ID, warn: () => {} })).toThrow(message);
});

test("nothing is reported unless a control centre is set, and its token's file is named", () => {
  const options = { id: ID, warn: () => {} };
  expect(reporterFrom({}, options)).toBeUndefined();
  expect(() => reporterFrom({ PANTHEROS_CENTRE: "https://c.test" }, options)).toThrow(
    /PANTHEROS_CENTRE_TOKEN_FILE is not set/,
  );
});
