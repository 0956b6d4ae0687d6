/** Injects the faults (faults.ts) in front of a vendor's HTTP server, the same way for all vendors. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { type Fault, faultFor, type Hit } from "./faults.ts";

/** An answer to a request that is not served. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | object;
}

/** The answers of one vendor to requests that it does not serve. */
export interface Refusals {
  /** The token has no permission. */
  readonly refuse: () => Refusal;
  /** The vendor has failed. */
  readonly unavailable: () => Refusal;
  /** Too many requests: retry after so many seconds. */
  readonly rateLimit: (seconds: number) => Refusal;
}

interface FaultyOptions {
  /** Directory of the sandbox. */
  readonly dir: string;
  readonly vendor: string;
  readonly refusals: Refusals;
}

/** Milliseconds between two checks of the rules while a request is held. */
const POLL_MS = 20;

/** Requests for a token change nothing; the sandbox's own paths never get a fault. */
const TOKEN_PATH = /\/oauth\/token$/;
const SANDBOX_PATH = /^\/(__|sandbox\/)/;
/** Path of the page with which a proxy or a captive portal answers instead of the vendor. */
const LOGIN_PATH = "/__login";
const LOGIN_PAGE = "<!doctype html><html><head><title>Log in</title></head><body>Log in</body></html>\n";
const CHANGING = new Set(["POST", "PUT", "PATCH", "DELETE"]);

const sleep = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));

async function held(hit: Hit, response: ServerResponse): Promise<boolean> {
  while (hit.isActive() && !response.destroyed) await sleep(POLL_MS);
  return !response.destroyed;
}

function answer(response: ServerResponse, { status, headers, body }: Refusal): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" ? "application/xml" : "application/json";
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text), ...headers });
  response.end(text);
}

const loginPage = (response: ServerResponse) =>
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(LOGIN_PAGE);

/** Discards the vendor's answer, and calls `done` at its end. */
function discardAnswer(response: ServerResponse, done: () => void): void {
  const { end } = response;
  const nothing = () => response;
  Object.assign(response, { writeHead: nothing, flushHeaders: () => {}, write: () => true });
  response.end = () => {
    response.end = end;
    done();
    return response;
  };
}

/** Sends the vendor's answer with half of its body, and closes the connection. */
function cutAnswer(response: ServerResponse, done: () => void): void {
  const { end, writeHead } = response;
  const chunks: Buffer[] = [];
  let head: unknown[] = [];
  const keep = (chunk: unknown) => {
    if (typeof chunk === "string" || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string));
  };
  Object.assign(response, {
    writeHead: (...args: unknown[]) => {
      head = args;
      return response;
    },
    flushHeaders: () => {},
    write: (chunk: unknown) => {
      keep(chunk);
      return true;
    },
  });
  response.end = (chunk?: unknown) => {
    keep(chunk);
    const body = Buffer.concat(chunks);
    Object.assign(response, { end, writeHead });
    Reflect.deleteProperty(response, "write");
    if (head.length > 0) Reflect.apply(writeHead, response, head);
    done();
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
    return response;
  };
}

/** Delays the end of the vendor's answer until `until` resolves. */
function delayAnswer(response: ServerResponse, until: () => Promise<unknown>): void {
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
    hit.log();
    answer(response, refusals.refuse());
  },
  unavailable: ({ response, hit, refusals }) => {
    hit.log();
    answer(response, refusals.unavailable());
  },
  "rate-limit": ({ response, hit, refusals }) => {
    hit.log();
    answer(response, refusals.rateLimit(hit.rule.seconds));
  },
  drop: ({ request, hit }) => {
    hit.log();
    request.socket.destroy();
  },
  "drop-answer": ({ request, response, hit }, serve) => {
    discardAnswer(response, () => {
      hit.log();
      request.socket.destroy();
    });
    serve();
  },
  "cut-answer": ({ response, hit }, serve) => {
    cutAnswer(response, () => hit.log());
    serve();
  },
  empty: ({ response, hit }) => {
    hit.log();
    response.writeHead(200, { "content-type": "application/json", "content-length": 0 }).end();
  },
  "login-page": ({ response, hit }) => {
    hit.log();
    loginPage(response);
  },
  redirect: ({ response, hit }) => {
    hit.log();
    response.writeHead(302, { location: LOGIN_PATH, "content-length": 0 }).end();
  },
  slow: ({ hit }, serve) => {
    hit.log();
    void sleep(hit.rule.seconds * 1000).then(serve);
  },
  silent: ({ hit }) => hit.log(),
  hold: ({ response, hit }, serve) => {
    hit.log();
    void held(hit, response).then((connected) => connected && serve());
  },
  "hold-answer": ({ response, hit }, serve) => {
    delayAnswer(response, () => {
      hit.log();
      return held(hit, response);
    });
    serve();
  },
};

/** Injects the faults into a server. */
export function faulty(server: Server, { dir, vendor, refusals }: FaultyOptions): Server {
  const listeners = server.listeners("request") as RequestListener[];
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    const serve = () => {
      for (const listener of listeners) listener.call(server, request, response);
    };
    const { method = "GET", url: path = "/" } = request;
    if (path === LOGIN_PATH) {
      loginPage(response);
      return;
    }
    if (SANDBOX_PATH.test(path)) return serve();
    const changes = CHANGING.has(method) && !TOKEN_PATH.test(path.split("?")[0] ?? "");
    const hit = faultFor(dir, { vendor, method, path, changes });
    if (hit === undefined) return serve();
    EFFECTS[hit.rule.fault]({ request, response, hit, refusals }, serve);
  });
  return server;
}
