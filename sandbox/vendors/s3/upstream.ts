import { createReadStream } from "node:fs";
import { type Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";

interface UpstreamRequest {
  method: string;
  target: string;
  headers: Record<string, string>;
  /** File with the body; absent: no body. */
  bodyFile?: string;
}

/** Sends a request to moto; resolves with its answer before the body is read. */
export function send(port: number, agent: Agent, request: UpstreamRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method, target, headers, bodyFile } = request;
    const upstream = httpRequest({ host: "127.0.0.1", port, agent, method, path: target, headers }, resolve);
    upstream.on("error", reject);
    if (bodyFile === undefined) upstream.end();
    else pipeline(createReadStream(bodyFile), upstream).catch(reject);
  });
}

/** Reads the whole body of a message. */
export async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
