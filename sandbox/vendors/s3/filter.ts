import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Log } from "../http.ts";
import type { RightsOf } from "../rights.ts";
import type { Backend } from "./backend.ts";
import { Buckets, isCreation } from "./buckets.ts";
import type { Journal } from "./journal.ts";
import { AUTHORIZE_PATH, authorize, rightsRefusal } from "./keys.ts";
import {
  bodyRefusal,
  bucketNameRefusal,
  describeRequest,
  errorXml,
  type Refusal,
  refusal,
  type S3Request,
} from "./rules.ts";
import { type Credentials, readClaim, signatureRefusal } from "./signature.ts";
import { send } from "./upstream.ts";

interface FilterOptions {
  backend: Backend;
  journal: Journal;
  motoPort: number;
  credentials: Credentials;
  checksums: "refuse" | "accept";
  /** What the key may do, and which names other customers have. */
  rights: RightsOf<"s3">;
  log: Log;
}

const BODY_METHODS = ["PUT", "POST"];
const CHANGING = ["PUT", "POST", "DELETE"];

/** Headers of S3 besides `x-amz-…`; all others are about the connection or the signature. */
const KEPT = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-md5",
  "content-type",
  "expires",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "range",
  "origin",
];

const flat = (headers: IncomingMessage["headers"]): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : value]),
  );

/** The headers for moto, which reads the region from the credential and does not check the signature. */
function forwarded(headers: Record<string, string | undefined>): Record<string, string> {
  const kept = Object.entries(headers).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (KEPT.includes(entry[0]) || entry[0].startsWith("x-amz-")),
  );
  const credential = /Credential=([^,\s]+)/.exec(headers.authorization ?? "")?.[1];
  const authorization =
    credential && `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`;
  return { ...Object.fromEntries(kept), ...(authorization && { authorization }) };
}

function refuse(response: ServerResponse, why: Refusal): void {
  const body = errorXml(why);
  response.writeHead(why.status, {
    "content-type": "application/xml",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** The proxy in front of moto: checks signatures, refuses what B2 lacks, journals changes, streams bodies. */
export function s3Filter(options: FilterOptions): Server {
  const { backend, journal, motoPort, log } = options;
  const buckets = new Buckets(journal.entries);

  const check = (request: S3Request, target: string): Refusal | undefined => {
    const signed = { method: request.method, target, headers: request.headers };
    if (readClaim(signed) === undefined) {
      const reading =
        ["GET", "HEAD"].includes(request.method) && request.key !== "" && buckets.isPublic(request.bucket);
      return reading
        ? undefined
        : {
            status: 403,
            code: "AccessDenied",
            message: "Unauthenticated requests are not allowed for this api",
          };
    }
    return (
      signatureRefusal(signed, options.credentials) ??
      rightsRefusal(request, options.rights()) ??
      refusal(request, options.checksums) ??
      buckets.lockRefusal(request)
    );
  };

  /** Enables versioning, which every bucket of B2 has. */
  const versioned = async (bucket: string, headers: Record<string, string>): Promise<void> => {
    const n = journal.reserve();
    const xml =
      '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>';
    writeFileSync(journal.bodyPath(n), xml, { mode: 0o600 });
    const entry = {
      n,
      method: "PUT",
      target: `/${bucket}?versioning`,
      headers: { ...(headers.authorization !== undefined && { authorization: headers.authorization }) },
      hasBody: true,
    };
    const answer = await backend.change(entry);
    if (answer.status >= 300) throw new Error(`versioning of ${bucket}: ${answer.body.toString()}`);
  };

  const change = async (
    incoming: IncomingMessage,
    response: ServerResponse,
    request: S3Request,
    target: string,
  ) => {
    const n = journal.reserve();
    const hasBody = BODY_METHODS.includes(request.method);
    if (hasBody)
      await pipeline(incoming, createWriteStream(journal.bodyPath(n), { mode: 0o600, flush: true }));
    const creating = isCreation(request);
    const why =
      (hasBody && request.key === ""
        ? bodyRefusal(request, readFileSync(journal.bodyPath(n), "utf8"))
        : undefined) ?? (creating ? bucketNameRefusal(request.bucket) : undefined);
    if (why !== undefined) {
      journal.discard(n);
      return refuse(response, why);
    }
    const headers = forwarded(request.headers);
    const answer = await backend.change({ n, method: request.method, target, headers, hasBody });
    if (answer.status < 300) {
      buckets.note(request);
      if (creating) await versioned(request.bucket, headers);
    }
    response.writeHead(answer.status, outgoing(answer.headers));
    response.end(answer.body);
  };

  const read = async (response: ServerResponse, request: S3Request, target: string) => {
    const upstream = {
      method: request.method,
      target: backend.translate(target),
      headers: forwarded(request.headers),
    };
    const answer = await send(motoPort, backend.agent, upstream);
    response.writeHead(answer.statusCode ?? 500, outgoing(answer.headers));
    await pipeline(answer, response);
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = incoming.url ?? "/";
    if (target === "/__health") {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ vendor: "s3", status: "ok", pid: process.pid, changes: journal.entries.length }),
      );
      return;
    }
    if (target === AUTHORIZE_PATH) {
      const { status, body } = authorize(
        incoming.headers.authorization,
        options.credentials,
        options.rights(),
      );
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      return;
    }
    const request = describeRequest(incoming.method ?? "GET", target, flat(incoming.headers));
    response.on("finish", () => log(`${request.method} ${target} ${response.statusCode}`));
    const why = check(request, target);
    if (why !== undefined) {
      incoming.resume();
      refuse(response, why);
    } else if (CHANGING.includes(request.method)) await change(incoming, response, request, target);
    else await read(response, request, target);
  };

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      log(`error: ${error instanceof Error ? error.stack : String(error)}`);
      if (response.headersSent) response.destroy();
      else refuse(response, { status: 500, code: "InternalError", message: "An internal error occurred." });
    });
  });
  // No limit: a client may pause an upload.
  server.requestTimeout = 0;
  return server;
}

/** Answer headers without those of moto's connection and one that only AWS sends. */
function outgoing(headers: IncomingMessage["headers"]): Record<string, string | string[]> {
  const hidden = [
    "connection",
    "keep-alive",
    "transfer-encoding",
    "server",
    "x-amz-transition-default-minimum-object-size",
  ];
  return Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, string | string[]] => entry[1] !== undefined && !hidden.includes(entry[0]),
    ),
  );
}
