/**
 * Comments and issues on GitLab. Source: docs.gitlab.com/api, "Notes API", "Merge requests API",
 * "Issues API", "REST API authentication" (a project's access token is a bearer token).
 */
import * as z from "zod";
import { type RequestOptions, VendorApi } from "../vendor-api.ts";
import { allPages, type Forge, type ForgeText } from "./forge.ts";

const note = z.object({
  id: z.number(),
  author: z.object({ username: z.string() }),
  body: z.string(),
  /** GitLab's own entry, such as "added 1 commit". */
  system: z.boolean().default(false),
});
const issue = z.object({
  iid: z.number(),
  author: z.object({ username: z.string() }),
  description: z.string().nullish(),
});

/** GitLab explains some refusals by field. */
const failure = z
  .object({
    message: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
    error: z.string().optional(),
  })
  .transform(({ message, error }) => ({
    message:
      typeof message === "string" ? message : message === undefined ? (error ?? "") : JSON.stringify(message),
  }));

export class GitLab extends VendorApi implements Forge {
  readonly #project: string;

  /**
   * @param endpoint with the version: `https://gitlab.com/api/v4`
   * @param project its number, or its path
   */
  constructor(options: RequestOptions & { endpoint: string; token: string; project: string }) {
    const { endpoint, token, project, ...more } = options;
    super({
      ...more,
      vendor: "GitLab",
      endpoint,
      token: () => token,
      failure,
      permissionHint: "the token needs the scope api and the role Reporter",
    });
    this.#project = `/projects/${encodeURIComponent(project)}`;
  }

  async author(): Promise<string> {
    return (await this.read(z.object({ username: z.string() }), "GET", "/user")).username;
  }

  async head(change: number): Promise<string> {
    const path = `${this.#project}/merge_requests/${change}`;
    return (await this.read(z.object({ sha: z.string() }), "GET", path)).sha;
  }

  async comments(change: number): Promise<ForgeText[]> {
    const path = `${this.#notes(change)}?sort=asc&order_by=created_at`;
    const found = await allPages((query) => this.read(z.array(note), "GET", `${path}&${query}`));
    return found
      .filter(({ system }) => !system)
      .map(({ id, author, body }) => ({ id, author: author.username, body }));
  }

  async addComment(change: number, body: string): Promise<void> {
    await this.request("POST", this.#notes(change), { body });
  }

  async editComment(change: number, id: number, body: string): Promise<void> {
    await this.request("PUT", `${this.#notes(change)}/${id}`, { body });
  }

  async deleteComment(change: number, id: number): Promise<void> {
    await this.request("DELETE", `${this.#notes(change)}/${id}`);
  }

  async openIssues(author: string): Promise<ForgeText[]> {
    const path = `${this.#project}/issues?state=opened&sort=asc&author_username=${encodeURIComponent(author)}`;
    const found = await allPages((query) => this.read(z.array(issue), "GET", `${path}&${query}`));
    return found.map((each) => ({
      id: each.iid,
      author: each.author.username,
      body: each.description ?? "",
    }));
  }

  async addIssue(title: string, body: string): Promise<void> {
    await this.request("POST", `${this.#project}/issues`, { title, description: body });
  }

  async editIssue(id: number, title: string, body: string): Promise<void> {
    await this.request("PUT", `${this.#project}/issues/${id}`, { title, description: body });
  }

  async closeIssue(id: number): Promise<void> {
    await this.request("PUT", `${this.#project}/issues/${id}`, { state_event: "close" });
  }

  #notes(change: number): string {
    return `${this.#project}/merge_requests/${change}/notes`;
  }
}
