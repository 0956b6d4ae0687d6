/** A run's figures, as an OTLP receiver gets them. */
import { spawnSync } from "node:child_process";
import { spanOf } from "../../../cli/report/report.ts";
import { secondsOf } from "../../../cli/report/words.ts";
import { OtlpReceiver, traceBody } from "../../../clients/otlp/receiver.ts";

const args = {
  name: "deploy",
  outcome: "failure" as const,
  started: 1000,
  seconds: ["build=12.5", "copy=3"],
  attribute: ["stack=staging", "note=a=b"],
};

test("a run is one span with its figures as attributes", () => {
  const span = spanOf(args, 1_090_000);
  expect(span).toEqual({
    name: "deploy",
    start: 1_000_000,
    end: 1_090_000,
    succeeded: false,
    attributes: {
      outcome: "failure",
      stack: "staging",
      note: "a=b",
      "seconds.build": 12.5,
      "seconds.copy": 3,
    },
  });
  const ids = { trace: Buffer.alloc(16, 1), span: Buffer.alloc(8, 2) };
  expect(traceBody("pantheros", span, ids).resourceSpans[0]?.scopeSpans[0]?.spans[0]).toMatchObject({
    traceId: "01".repeat(16),
    spanId: "02".repeat(8),
    startTimeUnixNano: "1000000000000",
    endTimeUnixNano: "1090000000000",
    status: { code: 2 },
    attributes: expect.arrayContaining([
      { key: "stack", value: { stringValue: "staging" } },
      { key: "seconds.build", value: { doubleValue: 12.5 } },
    ]),
  });
});

test.each([
  [{ seconds: ["build"] }, /--seconds "build" does not have the form NAME=VALUE/],
  [{ seconds: ["build=soon"] }, /--seconds build: "soon" is not a number/],
  [{ attribute: ["=x"] }, /--attribute "=x"/],
  [{ started: 9e9 }, /--started is in the future/],
])("%j is refused", (more, message) => {
  expect(() => spanOf({ ...args, ...more }, 1_090_000)).toThrow(message);
});

test("it is sent to /v1/traces of the endpoint, with or without a slash, and again after a 503", async () => {
  const requests: string[] = [];
  const fetch = async (input: string | URL | Request) => {
    requests.push(String(input));
    return new Response(requests.length === 1 ? "busy" : "{}", { status: requests.length === 1 ? 503 : 200 });
  };
  const receiver = new OtlpReceiver({ endpoint: "http://monitor.test:4318/", fetch, sleep: async () => {} });
  await receiver.sendSpan("pantheros", spanOf(args, 1_090_000));
  expect(requests).toEqual(Array(2).fill("http://monitor.test:4318/v1/traces"));
});

test.each([
  ["1790000000", 1_790_000_000],
  ["2026-11-30T08:00:00Z", 1_796_025_600],
  ["2026-11-30T09:00:00+01:00", 1_796_025_600],
  ["yesterday", undefined],
  ["2026-11-30", undefined],
  ["2026-13-30T08:00:00Z", undefined],
])("a job began at %s", (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});

test.each([
  ["failed", "failure"],
  ["canceled", "cancelled"],
  ["success", "success"],
])("GitLab's outcome %s is sent as %s", (given, sent) => {
  const argv = ["report", "deploy", "--outcome", given, "--started", "1000", "--json"];
  const { OTEL_EXPORTER_OTLP_ENDPOINT: _, ...env } = process.env;
  const { status, stdout } = spawnSync("tools/pantheros", argv, { encoding: "utf8", env });
  expect([status, JSON.parse(stdout)]).toMatchObject([0, { attributes: { outcome: sent } }]);
});
