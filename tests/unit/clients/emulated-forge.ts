/**
 * Emulates the parts of GitHub's and GitLab's APIs that clients/forge uses: pages, authors, the head
 * of a change. Sources: docs.github.com/rest and docs.gitlab.com/api.
 */
import { type Context, Hono } from "hono";

export interface Text {
  readonly id: number;
  readonly author: string;
  body: string;
  title?: string;
  open?: boolean;
  /** GitHub lists pull requests among its issues; GitLab its own entries among the notes. */
  readonly odd?: boolean;
}

export class EmulatedForge {
  readonly kind: "github" | "gitlab";
  /** Account of the token; undefined: the token of a workflow, which may not ask for its account. */
  account: string | undefined;
  head = "head-1";
  comments: Text[] = [];
  issues: Text[] = [];
  /** `METHOD path`, without the query. */
  readonly requests: string[] = [];
  /** Requests that are done although their answer is an error. */
  failAfter: (request: string) => boolean = () => false;
  readonly #app = new Hono();
  #next = 1000;

  constructor(kind: "github" | "gitlab", account?: string) {
    this.kind = kind;
    this.account = account;
    this.#app.use(async (context, next) => {
      const request = `${context.req.method} ${context.req.path}`;
      this.requests.push(request);
      if (context.req.header("authorization") !== "Bearer t0ken")
        return context.json({ message: "Bad credentials" }, 401);
      await next();
      if (this.failAfter(request)) context.res = new Response("{}", { status: 502 });
      return undefined;
    });
    if (kind === "github") this.#github();
    else this.#gitlab();
  }

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    this.#app.fetch(new Request(input, init));

  #page(context: Context, all: readonly Text[]): Text[] {
    const size = Number(context.req.query("per_page") ?? 20);
    const page = Number(context.req.query("page") ?? 1);
    return all.slice((page - 1) * size, page * size);
  }

  #add(into: Text[], body: string, title?: string): Text {
    const author = this.account ?? "github-actions[bot]";
    const made: Text = { id: this.#next++, author, body, open: true, ...(title !== undefined && { title }) };
    into.push(made);
    return made;
  }

  #github(): void {
    const app = this.#app;
    const view = ({ id, author, body, odd }: Text) => ({
      ...{ id: id * 7, number: id, body, user: { login: author } },
      ...(odd && { pull_request: { url: "https://forge.test/pulls/1" } }),
    });
    const comment = (each: Text) => ({ ...view(each), id: each.id });
    app.get("/user", (context) =>
      this.account === undefined
        ? context.json({ message: "Resource not accessible by integration" }, 403)
        : context.json({ login: this.account }),
    );
    app.get("/repos/o/r/pulls/5", (context) => context.json({ head: { sha: this.head } }));
    app.get("/repos/o/r/issues/5/comments", (context) =>
      context.json(this.#page(context, this.comments).map(comment)),
    );
    app.post("/repos/o/r/issues/5/comments", async (context) =>
      context.json(comment(this.#add(this.comments, (await context.req.json()).body)), 201),
    );
    app.patch("/repos/o/r/issues/comments/:id", async (context) =>
      this.#edit(context, this.comments, (await context.req.json()).body),
    );
    app.delete("/repos/o/r/issues/comments/:id", (context) => this.#delete(context));
    app.get("/repos/o/r/issues", (context) =>
      context.json(
        this.#page(
          context,
          this.issues.filter(({ open }) => open !== false),
        ).map(view),
      ),
    );
    app.post("/repos/o/r/issues", async (context) => {
      const { title, body } = await context.req.json();
      return context.json(view(this.#add(this.issues, body, title)), 201);
    });
    app.patch("/repos/o/r/issues/:id", async (context) => {
      const { body, title, state } = await context.req.json();
      return this.#edit(context, this.issues, body, title, state === "closed");
    });
  }

  #gitlab(): void {
    const app = this.#app;
    const note = ({ id, author, body, odd }: Text) => ({
      id,
      body,
      author: { username: author },
      system: odd ?? false,
    });
    const issue = ({ id, author, body }: Text) => ({
      iid: id,
      id: id * 7,
      description: body,
      author: { username: author },
    });
    const notes = "/projects/o%2Fr/merge_requests/5/notes";
    app.get("/user", (context) => context.json({ username: this.account }));
    app.get("/projects/o%2Fr/merge_requests/5", (context) => context.json({ sha: this.head }));
    app.get(notes, (context) => context.json(this.#page(context, this.comments).map(note)));
    app.post(notes, async (context) =>
      context.json(note(this.#add(this.comments, (await context.req.json()).body)), 201),
    );
    app.put(`${notes}/:id`, async (context) =>
      this.#edit(context, this.comments, (await context.req.json()).body),
    );
    app.delete(`${notes}/:id`, (context) => this.#delete(context));
    app.get("/projects/o%2Fr/issues", (context) => {
      const author = context.req.query("author_username");
      const own = this.issues.filter((each) => each.author === author && each.open !== false);
      return context.json(this.#page(context, own).map(issue));
    });
    app.post("/projects/o%2Fr/issues", async (context) => {
      const { title, description } = await context.req.json();
      return context.json(issue(this.#add(this.issues, description, title)), 201);
    });
    app.put("/projects/o%2Fr/issues/:id", async (context) => {
      const { description, title, state_event: event } = await context.req.json();
      return this.#edit(context, this.issues, description, title, event === "close");
    });
  }

  #edit(context: Context, all: Text[], body: string | undefined, title?: string, isClosed = false): Response {
    const found = all.find(({ id }) => id === Number(context.req.param("id")));
    if (found === undefined) return context.json({ message: "Not Found" }, 404);
    if (body !== undefined) found.body = body;
    if (title !== undefined) found.title = title;
    if (isClosed) found.open = false;
    return context.json({});
  }

  #delete(context: Context): Response {
    this.comments = this.comments.filter(({ id }) => id !== Number(context.req.param("id")));
    return context.body(null, 204);
  }
}
