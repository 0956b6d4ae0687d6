/** Puts the faults on demand (faults.ts) in front of a vendor's HTTP server: one way for all vendors. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { type Fault, faultFor, type Hit } from "./faults.ts";

/** An answer of a vendor that serves nothing. */
export interface Refused {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | object;
}

/** How a vendor says no; each in its own form. */
export interface Refusals {
  /** What the token may not do. */
  readonly refuse: () => Refused;
  /** A fault of the vendor's own. */
  readonly unavailable: () => Refused;
  /** Asked too often: again after so many seconds. */
  readonly rateLimit: (seconds: number) => Refused;
}

interface FaultyOptions {
  /** Directory of the sandbox. */
  readonly dir: string;
  readonly vendor: string;
  readonly refusals: Refusals;
}

/** Milliseconds between two looks at the switch while a request is held. */
const HELD_MS = 20;

/** A token is no change of anything; what belongs to the sandbox itself is never hit. */
const TOKEN_PATH = /\/oauth\/token$/;
const OWN_PATH = /^\/(__|sandbox\/)/;
const CHANGING = new Set(["POST", "PUT", "PATCH", "DELETE"]);

const sleep = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));

async function held(hit: Hit, response: ServerResponse): Promise<boolean> {
  while (hit.stands() && !response.destroyed) await sleep(HELD_MS);
  return !response.destroyed;
}

function answer(response: ServerResponse, { status, headers, body }: Refused): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" ? "application/xml" : "application/json";
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text), ...headers });
  response.end(text);
}

/** Lets the vendor answer into nothing, and calls `done` where it would have been sent. */
function unanswered(response: ServerResponse, done: () => void): void {
  const { end } = response;
  const nothing = () => response;
  Object.assign(response, { writeHead: nothing, flushHeaders: () => {}, write: () => true });
  response.end = () => {
    response.end = end;
    done();
    return response;
  };
}

/** Lets the vendor answer, and sends the end of it when `until` resolves. */
function late(response: ServerResponse, until: () => Promise<unknown>): void {
  const { end } = response;
  response.end = (...args: unknown[]) => {
    response.end = end;
    void until().then(() => Reflect.apply(end, response, args));
    return response;
  };
}

type Serve = () => void;

const EFFECTS: Record<
  Fault,
  (
    given: { request: IncomingMessage; response: ServerResponse; hit: Hit; refusals: Refusals },
    serve: Serve,
  ) => void
> = {
  refuse: ({ response, hit, refusals }) => {
    hit.mark();
    answer(response, refusals.refuse());
  },
  unavailable: ({ response, hit, refusals }) => {
    hit.mark();
    answer(response, refusals.unavailable());
  },
  "rate-limit": ({ response, hit, refusals }) => {
    hit.mark();
    answer(response, refusals.rateLimit(hit.rule.seconds));
  },
  drop: ({ request, hit }) => {
    hit.mark();
    request.socket.destroy();
  },
  "drop-answer": ({ request, response, hit }, serve) => {
    unanswered(response, () => {
      hit.mark();
      request.socket.destroy();
    });
    serve();
  },
  slow: ({ hit }, serve) => {
    hit.mark();
    void sleep(hit.rule.seconds * 1000).then(serve);
  },
  silent: ({ hit }) => hit.mark(),
  hold: ({ response, hit }, serve) => {
    hit.mark();
    void held(hit, response).then((there) => there && serve());
  },
  "hold-answer": ({ response, hit }, serve) => {
    late(response, () => {
      hit.mark();
      return held(hit, response);
    });
    serve();
  },
};

/** The same server, with the switch before it. */
export function faulty(server: Server, { dir, vendor, refusals }: FaultyOptions): Server {
  const listeners = server.listeners("request") as RequestListener[];
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    const serve = () => {
      for (const listener of listeners) listener.call(server, request, response);
    };
    const { method = "GET", url: path = "/" } = request;
    if (OWN_PATH.test(path)) return serve();
    const changes = CHANGING.has(method) && !TOKEN_PATH.test(path.split("?")[0] ?? "");
    const hit = faultFor(dir, { vendor, method, path, changes });
    if (hit === undefined) return serve();
    EFFECTS[hit.rule.fault]({ request, response, hit, refusals }, serve);
  });
  return server;
}
