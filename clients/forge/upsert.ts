/** Keeps one text of this program on a forge: it is found again by its author and its marker. */
import type { Forge, ForgeText } from "./forge.ts";

/** The marker is the first line of a text. A marker further down may be a quotation. */
const isOwn = ({ author, body }: ForgeText, own: string, marker: string): boolean =>
  author === own && body.trimStart().startsWith(marker);

export interface CommentToPost {
  readonly change: number;
  /** Begins with the marker. */
  readonly body: string;
  readonly marker: string;
  /** The commit that the comment is about. */
  readonly commit: string;
}

export type Posted =
  | { readonly did: "added" | "edited" | "kept" }
  /** The change has a newer commit, whose own run writes. */
  | { readonly did: "outdated"; readonly head: string };

/**
 * Writes the comment, or replaces the one that is there. A run that was late for an older commit
 * writes nothing. Further comments of the same marker, which an interrupted run or a repeated
 * request can leave, are deleted.
 */
export async function postComment(
  forge: Forge,
  { change, body, marker, commit }: CommentToPost,
): Promise<Posted> {
  const author = await forge.author();
  const list = async () => (await forge.comments(change)).filter((each) => isOwn(each, author, marker));
  const before = await list();
  // Shortly before writing, because reading the pages takes time.
  const head = await forge.head(change);
  if (head !== commit) return { did: "outdated", head };
  const [first] = before;
  const did = first === undefined ? "added" : same(first.body, body) ? "kept" : "edited";
  if (first === undefined) await forge.addComment(change, body);
  else if (did === "edited") await forge.editComment(change, first.id, body);
  const [, ...more] = first === undefined ? await list() : before;
  for (const { id } of more) await forge.deleteComment(change, id);
  return { did };
}

/** A forge may end lines otherwise, and cut blanks at the end. */
const same = (a: string, b: string): boolean => a.replaceAll("\r\n", "\n").trim() === b.trim();

export interface IssueToPost {
  readonly title: string;
  /** Begins with the marker. */
  readonly body: string;
  readonly marker: string;
  /** Whether there is something to report; otherwise an open issue is closed. */
  readonly needed: boolean;
}

/** Opens the issue, updates the one that is open, or closes it when there is nothing to report. */
export async function postIssue(
  forge: Forge,
  { title, body, marker, needed }: IssueToPost,
): Promise<{ readonly did: "added" | "edited" | "kept" | "closed" | "nothing" }> {
  const author = await forge.author();
  const list = async () => (await forge.openIssues(author)).filter((each) => isOwn(each, author, marker));
  const before = await list();
  const [first] = before;
  if (!needed) {
    for (const { id } of before) await forge.closeIssue(id);
    return { did: first === undefined ? "nothing" : "closed" };
  }
  const did = first === undefined ? "added" : same(first.body, body) ? "kept" : "edited";
  if (first === undefined) await forge.addIssue(title, body);
  else if (did === "edited") await forge.editIssue(first.id, title, body);
  const [, ...more] = first === undefined ? await list() : before;
  for (const { id } of more) await forge.closeIssue(id);
  return { did };
}
