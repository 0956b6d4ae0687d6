import { Argument, type Command, Option } from "commander";
import type { CommentArgs } from "../comment/comment.ts";
import { addNotes } from "../notes.ts";
import { wholeNumber } from "../options.ts";

export function addComment(program: Command): void {
  const command = program
    .command("comment")
    .description("render previews as one comment, and keep it on a pull request or in an issue")
    .addArgument(new Argument("<preview.json...>", "files of `preview --write`, one for each stack"))
    .option("--title <text>", "the heading before the commit")
    .option("--commit <sha>", "the change's commit; without it that of the previews' checkout")
    .option("--whole", "without a limit of the size")
    .option("--output <file>", "write the comment to a file instead of standard output")
    .addOption(new Option("--post <forge>", "write it to a forge").choices(["github", "gitlab"]))
    .option("--change <n>", "number of the pull or merge request", wholeNumber(1, 2 ** 31))
    .option("--issue <title>", "keep one open issue instead of a comment; it is closed when nothing changes")
    .action(async (files: string[], options: Omit<CommentArgs, "files">) => {
      const { comment } = await import("../comment/comment.ts");
      process.exitCode = await comment({ ...options, files }, process.env);
    });
  addNotes(
    command,
    `The comment is the same for the same files. It has at most 60,000 bytes: details are left out first,
each with a line that says so. --post finds its own comment by its author and its first line, and
replaces it. It writes nothing when the pull request has a newer commit.

Environment of --post github: GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL.
Environment of --post gitlab: GITLAB_TOKEN, CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID.`,
  );
}
