/** Renders previews as one comment, and keeps it on a forge. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Forge } from "../../clients/forge/forge.ts";
import { GITHUB_ENDPOINT, GitHub } from "../../clients/forge/github.ts";
import { GitLab } from "../../clients/forge/gitlab.ts";
import { postComment, postIssue } from "../../clients/forge/upsert.ts";
import { MAX_BYTES } from "../../preview/comment/fit.ts";
import { renderComment } from "../../preview/comment/render.ts";
import { isListed } from "../../preview/comment/words.ts";
import { type PreviewDocument, previewDocument } from "../../preview/document.ts";
import { UsageError } from "../exit-codes.ts";

export type ForgeName = "github" | "gitlab";

export interface CommentArgs {
  readonly files: readonly string[];
  readonly title?: string | undefined;
  readonly commit?: string | undefined;
  readonly whole?: boolean | undefined;
  readonly output?: string | undefined;
  readonly post?: ForgeName | undefined;
  /** Number of the pull or merge request. */
  readonly change?: number | undefined;
  /** Post an issue of this title instead of a comment. */
  readonly issue?: string | undefined;
}

/** Larger files are refused before they are read as JSON: a pull request's job made them. */
const MAX_FILE_BYTES = 20_000_000;

/** First line of each text on a forge; the name tells several fleets of one repository apart. */
const markerOf = (kind: "preview" | "drift"): string => `<!-- pantheros: ${kind} -->`;

/** @throws Error with the file and the first key that is not valid. */
function readPreview(file: string): PreviewDocument {
  const text = readFileSync(file);
  if (text.length > MAX_FILE_BYTES) throw new Error(`${file}: larger than ${MAX_FILE_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text.toString("utf8"));
  } catch {
    throw new Error(`${file}: not JSON; make it with tools/pantheros preview --write ${file}`);
  }
  const parsed = previewDocument.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(
    `${file}: ${issue?.path.map(String).join(".") || "document"}: ${issue?.message}; make it with tools/pantheros preview --write ${file}`,
  );
}

/** Whether a preview of what is deployed already shows something to look at. */
const hasNews = ({ outcome, changes, hosts, findings }: PreviewDocument): boolean =>
  outcome === "failed" ||
  changes.length > 0 ||
  findings.some(({ level }) => level === "mandatory") ||
  hosts.some((host) => isListed(host) && !["when-online", "not-probed"].includes(host.action));

function required(env: NodeJS.ProcessEnv, ...names: readonly string[]): string {
  for (const name of names) if (env[name]) return env[name];
  throw new UsageError(`--post needs ${names.join(" or ")} in the environment`);
}

function forgeOf(name: ForgeName, env: NodeJS.ProcessEnv): Forge {
  if (name === "github")
    return new GitHub({
      endpoint: env["GITHUB_API_URL"] || GITHUB_ENDPOINT,
      token: required(env, "GITHUB_TOKEN"),
      repository: required(env, "GITHUB_REPOSITORY"),
    });
  return new GitLab({
    endpoint: required(env, "CI_API_V4_URL"),
    token: required(env, "GITLAB_TOKEN"),
    project: required(env, "CI_PROJECT_ID"),
  });
}

/** The number of the change: given, or GitLab's variable of a merge request's pipeline. */
function changeOf({ change }: CommentArgs, env: NodeJS.ProcessEnv): number {
  const found = change ?? Number(env["CI_MERGE_REQUEST_IID"]);
  if (Number.isInteger(found) && found > 0) return found;
  throw new UsageError("--post needs --change NUMBER, the number of the pull or merge request");
}

/** Returns the exit code. */
export async function comment(args: CommentArgs, env: NodeJS.ProcessEnv): Promise<number> {
  const documents = args.files.map(readPreview);
  const stacks = documents.map(({ stack }) => stack);
  const twice = stacks.find((stack, at) => stacks.indexOf(stack) !== at);
  if (twice !== undefined) throw new UsageError(`two files are of stack ${twice}`);
  const marker = markerOf(args.issue === undefined ? "preview" : "drift");
  const limit = args.whole ? Number.MAX_SAFE_INTEGER : MAX_BYTES;
  const text = renderComment(documents, {
    ...(args.title !== undefined && { title: args.title }),
    ...(args.issue !== undefined && args.title === undefined && { title: "Drift" }),
    commit: args.commit,
    maxBytes: limit - Buffer.byteLength(marker) - 1,
  });
  const body = `${marker}\n${text}`;
  if (args.output !== undefined) writeFileSync(args.output, body);
  if (args.post === undefined) {
    if (args.output === undefined) process.stdout.write(body);
    return 0;
  }
  const forge = forgeOf(args.post, env);
  if (args.issue !== undefined) {
    const { did } = await postIssue(forge, {
      title: args.issue,
      body,
      marker,
      needed: documents.some(hasNews),
    });
    console.log(`issue "${args.issue}": ${did}`);
    return 0;
  }
  const change = changeOf(args, env);
  const commit = args.commit ?? documents[0]?.commit;
  if (commit === undefined) throw new UsageError("--post needs --commit, the commit of the previews");
  const posted = await postComment(forge, { change, body, marker, commit });
  console.log(
    posted.did === "outdated"
      ? `comment on ${change}: nothing written: its newest commit is ${posted.head}, these previews are of ${commit}`
      : `comment on ${change}: ${posted.did}`,
  );
  return 0;
}
