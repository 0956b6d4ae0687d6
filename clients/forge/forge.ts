/** What the project needs of a forge: comments on a change, and issues. */

export interface ForgeText {
  readonly id: number;
  /** Name of its author's account. */
  readonly author: string;
  readonly body: string;
}

/** A change is a pull request of GitHub or a merge request of GitLab. */
export interface Forge {
  /** The account that this token writes as. */
  author(): Promise<string>;
  /** The newest commit of a change. */
  head(change: number): Promise<string>;
  /** All comments of a change, the oldest first. */
  comments(change: number): Promise<ForgeText[]>;
  addComment(change: number, body: string): Promise<void>;
  editComment(change: number, id: number, body: string): Promise<void>;
  deleteComment(change: number, id: number): Promise<void>;
  /** All open issues of an author, the oldest first. `id` is the issue's number. */
  openIssues(author: string): Promise<ForgeText[]>;
  addIssue(title: string, body: string): Promise<void>;
  editIssue(id: number, title: string, body: string): Promise<void>;
  closeIssue(id: number): Promise<void>;
}

/** Entries on a page, the most that both forges give. */
const PAGE_SIZE = 100;
/** A list that is longer is an error of the forge: no change has that many comments. */
const MAX_PAGES = 1000;

/** Reads all pages of a list. A page that is not full is the last one. */
export async function allPages<T>(read: (query: string) => Promise<readonly T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const entries = await read(`per_page=${PAGE_SIZE}&page=${page}`);
    found.push(...entries);
    if (entries.length < PAGE_SIZE) return found;
  }
  throw new Error(`the forge's list has more than ${MAX_PAGES} pages`);
}
