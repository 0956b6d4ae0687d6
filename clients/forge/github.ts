/**
 * Comments and issues on GitHub. Source: docs.github.com, REST API 2022-11-28, "Issue comments",
 * "Issues", "Pulls", "Using pagination in the REST API".
 */
import * as z from "zod";
import { type RequestOptions, VendorApi, VendorError } from "../vendor-api.ts";
import { allPages, type Forge, type ForgeText } from "./forge.ts";

/** GitHub's own; a GitHub Enterprise Server gives its own in GITHUB_API_URL. */
export const GITHUB_ENDPOINT = "https://api.github.com";

/** The account of the token of a workflow, which may not ask for its own account. */
const WORKFLOW_AUTHOR = "github-actions[bot]";

const text = z.object({
  id: z.number(),
  user: z.object({ login: z.string() }).nullish(),
  body: z.string().nullish(),
});
const issue = text.extend({ number: z.number(), pull_request: z.unknown().optional() });

const toText = ({ user, body }: z.infer<typeof text>, id: number): ForgeText => ({
  id,
  author: user?.login ?? "",
  body: body ?? "",
});

export class GitHub extends VendorApi implements Forge {
  readonly #repository: string;

  /** @param repository `owner/name` */
  constructor(options: RequestOptions & { endpoint: string; token: string; repository: string }) {
    const { endpoint, token, repository, ...more } = options;
    super({
      ...more,
      vendor: "GitHub",
      endpoint,
      token: () => token,
      failure: z.object({ message: z.string() }),
      permissionHint: "the token needs pull-requests: write for comments, issues: write for issues",
    });
    this.#repository = `/repos/${repository}`;
  }

  async author(): Promise<string> {
    try {
      return (await this.read(z.object({ login: z.string() }), "GET", "/user")).login;
    } catch (error) {
      if (error instanceof VendorError && error.status === 403) return WORKFLOW_AUTHOR;
      throw error;
    }
  }

  async head(change: number): Promise<string> {
    const shape = z.object({ head: z.object({ sha: z.string() }) });
    return (await this.read(shape, "GET", `${this.#repository}/pulls/${change}`)).head.sha;
  }

  async comments(change: number): Promise<ForgeText[]> {
    const path = `${this.#repository}/issues/${change}/comments`;
    const found = await allPages((query) => this.read(z.array(text), "GET", `${path}?${query}`));
    return found.map((each) => toText(each, each.id));
  }

  async addComment(change: number, body: string): Promise<void> {
    await this.request("POST", `${this.#repository}/issues/${change}/comments`, { body });
  }

  async editComment(_change: number, id: number, body: string): Promise<void> {
    await this.request("PATCH", `${this.#repository}/issues/comments/${id}`, { body });
  }

  async deleteComment(_change: number, id: number): Promise<void> {
    await this.request("DELETE", `${this.#repository}/issues/comments/${id}`);
  }

  /** GitHub lists pull requests as issues; they are left out. */
  async openIssues(author: string): Promise<ForgeText[]> {
    const path = `${this.#repository}/issues?state=open&sort=created&direction=asc`;
    const found = await allPages((query) => this.read(z.array(issue), "GET", `${path}&${query}`));
    return found
      .filter((each) => each.pull_request === undefined && each.user?.login === author)
      .map((each) => toText(each, each.number));
  }

  async addIssue(title: string, body: string): Promise<void> {
    await this.request("POST", `${this.#repository}/issues`, { title, body });
  }

  async editIssue(id: number, title: string, body: string): Promise<void> {
    await this.request("PATCH", `${this.#repository}/issues/${id}`, { title, body });
  }

  async closeIssue(id: number): Promise<void> {
    await this.request("PATCH", `${this.#repository}/issues/${id}`, {
      state: "closed",
      state_reason: "completed",
    });
  }
}
