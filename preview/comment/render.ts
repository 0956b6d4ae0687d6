/** Renders the previews of a change as one comment. A pure function: equal documents give equal bytes. */
import { firstNames } from "../../lib/names.ts";
import type { PreviewDocument } from "../document.ts";
import {
  cautionBlock,
  changesBlock,
  errorsBlock,
  findingsBlock,
  hostsBlock,
  outputsBlock,
  packagesBlock,
  stacksBlock,
  unitsBlock,
  warningsBlock,
} from "./blocks.ts";
import { type Block, fitBlocks, MAX_BYTES } from "./fit.ts";
import { code } from "./markdown.ts";

export interface CommentOptions {
  /** The heading before the commit. */
  readonly title?: string;
  /** Commit of the change; by default that of the documents, which may be a merge. */
  readonly commit?: string | undefined;
  readonly maxBytes?: number;
}

const fixed = (text: string): Block => ({ importance: Number.MAX_SAFE_INTEGER, forms: [text] });

/** What the previews could not say, and where the whole is. */
function lastLine(documents: readonly PreviewDocument[]): string {
  const names = (test: (host: PreviewDocument["hosts"][number]) => boolean) =>
    documents.flatMap(({ hosts }) => hosts.filter(test).map(({ host }) => host)).sort();
  const notBuilt = names(({ built }) => built === false);
  const notAsked = names(
    ({ action }) => action === "not-probed" || action === "unreachable" || action === "when-online",
  );
  const parts = [
    ...(notBuilt.length > 0
      ? [`Not built, so without sizes and packages: ${code(firstNames(notBuilt, 20))}.`]
      : []),
    ...(notAsked.length > 0 ? [`No answer from: ${code(firstNames(notAsked, 20))}.`] : []),
    "Everything is in the artifacts <code>preview-STACK</code> of this change's checks; <code>tools/pantheros comment --whole</code> renders it without a limit.",
  ];
  return `<sub>${parts.join(" ")}</sub>`;
}

function heading(
  documents: readonly PreviewDocument[],
  { title = "Preview", commit }: CommentOptions,
): string {
  const commits = [
    ...new Set(documents.flatMap((each) => (each.commit === undefined ? [] : [each.commit]))),
  ].sort();
  const shown = commit ?? firstNames(commits, 3);
  const dirty = documents.some((each) => each.dirty === true) ? ", with changes that are not committed" : "";
  return `## ${title}${shown === "" || shown === "none" ? "" : ` of ${code(shown.slice(0, 40))}`}${dirty}`;
}

/** @param documents one for each stack, in any order */
export function renderComment(documents: readonly PreviewDocument[], options: CommentOptions = {}): string {
  const sorted = [...documents].sort((a, b) => (a.stack < b.stack ? -1 : 1));
  const blocks: Block[] = [
    fixed(heading(sorted, options)),
    cautionBlock(sorted),
    stacksBlock(sorted),
    ...sorted.map(errorsBlock),
    hostsBlock(sorted),
    findingsBlock(sorted, "mandatory"),
    findingsBlock(sorted, "advisory"),
    findingsBlock(sorted, "excepted"),
    ...sorted.map(outputsBlock),
    ...sorted.map(changesBlock),
    ...sorted.map(warningsBlock),
    ...sorted.flatMap(({ stack, hosts }) =>
      hosts.flatMap((host) => [packagesBlock(stack, host), unitsBlock(stack, host)]),
    ),
    fixed(lastLine(sorted)),
  ];
  return fitBlocks(blocks, options.maxBytes ?? MAX_BYTES);
}
