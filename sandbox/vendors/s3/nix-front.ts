/**
 * A Nix binary cache over plain HTTP, with its objects in a bucket: it stores the PUTs of
 * `nix copy --to http://127.0.0.1:9002/BUCKET` through the S3 API, with the account's key. It replaces Nix's
 * `s3://`, which Debian's Nix lacks. Hosts read the bucket itself.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { messageOf } from "../../../lib/message-of.ts";
import type { Log } from "../http.ts";
import type { Credentials } from "./signature.ts";
import { readAll } from "./upstream.ts";

/** The objects of a binary cache. Source: Nix manual, "Serving a Nix store via HTTP". */
const OBJECT_NAME =
  /^(nix-cache-info|[0-9a-z]{32}\.(narinfo|ls)|(nar|log|realisations|debuginfo)\/[A-Za-z0-9+._=!:-]+)$/;

interface NixFrontOptions {
  /** Address of the S3 API. */
  endpoint: string;
  credentials: Credentials;
  log: Log;
}

export function nixFront({ endpoint, credentials, log }: NixFrontOptions): Server {
  const client = new S3Client({
    endpoint,
    region: credentials.region,
    forcePathStyle: true,
    credentials: { accessKeyId: credentials.keyId, secretAccessKey: credentials.secret },
    requestChecksumCalculation: "WHEN_REQUIRED", // B2 refuses the others
    responseChecksumValidation: "WHEN_REQUIRED",
  });

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, Bucket = "", ...rest] = decodeURIComponent((incoming.url ?? "/").split("?")[0] ?? "/").split(
      "/",
    );
    const Key = rest.join("/");
    const { method = "GET" } = incoming;
    response.on("finish", () => log(`nix cache: ${method} ${Bucket}/${Key} ${response.statusCode}`));
    const end = (status: number) => response.writeHead(status, { "content-length": 0 }).end();
    if (!OBJECT_NAME.test(Key)) {
      incoming.resume();
      end(400);
    } else if (method === "PUT") {
      const Body = await readAll(incoming);
      const ContentType = incoming.headers["content-type"];
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ...(ContentType && { ContentType }) }));
      end(200);
    } else if (method === "HEAD") {
      await client.send(new HeadObjectCommand({ Bucket, Key }));
      end(200);
    } else if (method === "GET") {
      const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket, Key }));
      response.writeHead(200, { ...(ContentLength !== undefined && { "content-length": ContentLength }) });
      await pipeline(Body as NodeJS.ReadableStream, response);
    } else end(405);
  };

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      const status = error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 502) : 502;
      if (status !== 404) log(`nix cache: ${messageOf(error)}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(status, { "content-length": 0 }).end();
    });
  });
  server.on("close", () => client.destroy());
  return server;
}
