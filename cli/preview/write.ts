/** Runs a preview and writes what it says to `preview.json` (preview/document.ts). */
import { spawn } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { readCommit } from "../../deployer/checkout.ts";
import { type PreviewDocument, type ProgramPart, programPart } from "../../preview/document.ts";
import { readDigest, readPolicyEvents } from "../../preview/engine.ts";
import { reducePreview, secretsOf } from "../../preview/reduce.ts";
import { summaryText } from "../../preview/summary.ts";
import { PREVIEW_PART_VARIABLE } from "../../preview/variables.ts";
import { UsageError } from "../exit-codes.ts";
import { stackName } from "../stack/name.ts";

export interface WritePreviewArgs {
  /** Options for `pulumi preview`. */
  readonly words: readonly string[];
  readonly on: string | undefined;
  /** The file to write. */
  readonly file: string;
  /** Print the document instead of the summary. */
  readonly json: boolean;
  readonly root: string;
}

interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly eventLog: string;
}

/** Options of `pulumi preview` that print something else than this command reads. */
const REFUSED = ["--json", "-j", "--diff", "--event-log", "--save-plan"];

/** The child's file descriptor of the event log. */
const EVENT_LOG_FD = 3;

/**
 * Runs `tools/pulumi preview --json`. The engine's event log holds secrets in plain text, so it goes
 * to a file without a name, which nobody else can open and which is gone when this process ends.
 * Pulumi has its option for debugging only (PULUMI_DEBUG_COMMANDS).
 */
function runPreview({ words, on, root }: WritePreviewArgs, directory: string): Promise<CliResult> {
  const logFile = path.join(directory, "events");
  const log = openSync(logFile, "w+", 0o600);
  rmSync(logFile);
  return new Promise((resolve, reject) => {
    const argv = ["preview", "--json", "--event-log", `/dev/fd/${EVENT_LOG_FD}`, ...words];
    const child = spawn(path.join(root, "tools/pulumi"), argv, {
      stdio: ["inherit", "pipe", "pipe", log],
      env: {
        ...process.env,
        PULUMI_DEBUG_COMMANDS: "true",
        [PREVIEW_PART_VARIABLE]: path.join(directory, "part.json"),
        ...(on !== undefined && { PANTHEROS_ON: on }),
      },
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
      process.stderr.write(chunk);
    });
    // Ctrl-C reaches the child through the terminal, so this process only waits for its end.
    const wait = () => {};
    const pass = () => child.kill("SIGINT");
    process.on("SIGINT", wait).on("SIGTERM", pass);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", wait).off("SIGTERM", pass);
      const eventLog = readWhole(log);
      closeSync(log);
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      resolve({ exitCode, stdout, stderr, eventLog });
    });
  });
}

/** The content of an open file, whatever its position. */
function readWhole(descriptor: number): string {
  const parts: Buffer[] = [];
  for (let position = 0; ; ) {
    const buffer = Buffer.alloc(1 << 20);
    const read = readSync(descriptor, buffer, 0, buffer.length, position);
    if (read === 0) return Buffer.concat(parts).toString("utf8");
    parts.push(buffer.subarray(0, read));
    position += read;
  }
}

/** What the program added; empty when the run ended before it. */
function readPart(directory: string): ProgramPart {
  try {
    return programPart.parse(JSON.parse(readFileSync(path.join(directory, "part.json"), "utf8")));
  } catch {
    return {};
  }
}

/** The short name of the stack of a command line of the Pulumi CLI. */
function stackOf(words: readonly string[], root: string): string {
  const at = words.findIndex((word) => word === "--stack" || word === "-s");
  const joined = words.find((word) => word.startsWith("--stack="))?.slice("--stack=".length);
  const stack = at === -1 ? joined : words[at + 1];
  return stackName({ stack }, { env: process.env, root, cwd: process.cwd() }).short;
}

/** Written in one step, so that a run that is interrupted leaves the file of before. */
function writeDocument(file: string, document: PreviewDocument): void {
  const part = `${file}.part-${process.pid}`;
  writeFileSync(part, `${JSON.stringify(document, null, 2)}\n`);
  renameSync(part, file);
}

/** Returns the exit code of the preview. A preview that fails is written too, with its errors. */
export async function writePreview(args: WritePreviewArgs): Promise<number> {
  const refused = args.words.find((word) => REFUSED.includes(word.split("=")[0] ?? ""));
  if (refused !== undefined)
    throw new UsageError(`--write and ${refused} exclude each other: the file has what both print`);
  const stack = stackOf(args.words, args.root);
  const directory = mkdtempSync(path.join(tmpdir(), "pantheros-preview-"));
  try {
    process.stderr.write(`previewing ${stack}\n`);
    const { exitCode, stdout, stderr, eventLog } = await runPreview(args, directory);
    const { commit, dirty } = await readCommit(args.root);
    const document = reducePreview({
      stack,
      ...(commit !== undefined && { commit }),
      ...(dirty === true && { dirty }),
      digest: readDigest(stdout),
      violations: readPolicyEvents(eventLog),
      program: readPart(directory),
      exitCode,
      stderr,
      secrets: secretsOf(process.env),
    });
    writeDocument(args.file, document);
    process.stdout.write(args.json ? `${JSON.stringify(document)}\n` : `${summaryText(document)}\n`);
    return exitCode;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
