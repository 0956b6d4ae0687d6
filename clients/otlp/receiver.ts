/**
 * Sends spans to an OTLP receiver over HTTP as JSON. Source: opentelemetry.io, "OTLP Specification
 * 1.x", "OTLP/HTTP" and "JSON Protobuf Encoding": ids are hexadecimal, times are texts of
 * nanoseconds, the path is /v1/traces.
 */
import { randomBytes } from "node:crypto";
import * as z from "zod";
import { type RequestOptions, VendorApi } from "../vendor-api.ts";

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  readonly succeeded: boolean;
  readonly attributes: Attributes;
}

/** `SPAN_KIND_INTERNAL`, `STATUS_CODE_OK`, `STATUS_CODE_ERROR` of opentelemetry-proto. */
const KIND_INTERNAL = 1;
const STATUS_OK = 1;
const STATUS_ERROR = 2;

const otlpValue = (value: string | number | boolean) =>
  typeof value === "string"
    ? { stringValue: value }
    : typeof value === "boolean"
      ? { boolValue: value }
      : { doubleValue: value };

const attributesOf = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }));

const nanoseconds = (milliseconds: number): string => `${Math.round(milliseconds)}000000`;

/** The body of a request for one span; `ids` are 16 and 8 random bytes. */
export const traceBody = (
  service: string,
  span: Span,
  ids = { trace: randomBytes(16), span: randomBytes(8) },
) => ({
  resourceSpans: [
    {
      resource: { attributes: attributesOf({ "service.name": service }) },
      scopeSpans: [
        {
          scope: { name: "pantheros" },
          spans: [
            {
              traceId: ids.trace.toString("hex"),
              spanId: ids.span.toString("hex"),
              name: span.name,
              kind: KIND_INTERNAL,
              startTimeUnixNano: nanoseconds(span.start),
              endTimeUnixNano: nanoseconds(span.end),
              attributes: attributesOf(span.attributes),
              status: { code: span.succeeded ? STATUS_OK : STATUS_ERROR },
            },
          ],
        },
      ],
    },
  ],
});

export class OtlpReceiver extends VendorApi {
  /** @param endpoint without the path: `http://monitor:4318` */
  constructor({ endpoint, ...options }: RequestOptions & { endpoint: string }) {
    super({
      ...options,
      vendor: "OTLP receiver",
      endpoint: endpoint.replace(/\/+$/, ""),
      failure: z.object({ message: z.string() }),
    });
  }

  async sendSpan(service: string, span: Span): Promise<void> {
    await this.request("POST", "/v1/traces", traceBody(service, span));
  }
}
