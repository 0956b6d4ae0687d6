/** `pantheros init`: writes the inventory and the stack's file of a new fleet. No secret is written. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseInventory } from "../../inventory/load.ts";
import { planFor } from "../../inventory/plan.ts";
import { EXIT_OK, UsageError } from "../exit-codes.ts";
import { collectAnswers, type InitOptions, shownPath } from "./collect.ts";
import { environmentText, type PlannedFile, plannedFile, stackText, writeFile } from "./files.ts";
import { fleetText } from "./fleet-text.ts";
import { type Dialog, dialog } from "./questions.ts";

export interface InitCommandOptions extends InitOptions {
  readonly fleet?: string | undefined;
  readonly configFile?: string | undefined;
  /** Replaces files without a question. */
  readonly overwrite?: boolean;
  /** False: no file with references for `op run`. */
  readonly envFile?: boolean;
  readonly json?: boolean;
}

const DEFAULT_FLEET = "nix/fleet.toml";
const EXAMPLE = "tools/production.env.example";

/** Asks whether files that differ may be replaced. @throws UsageError when they may not */
async function confirmChanges(
  files: readonly PlannedFile[],
  root: string,
  questions: Dialog | undefined,
): Promise<void> {
  const changed = files.filter(({ state }) => state === "changed").map((file) => shownPath(file.path, root));
  if (changed.length === 0) return;
  const verb = changed.length === 1 ? "exists and differs" : "exist and differ";
  if (questions === undefined)
    throw new UsageError(
      `init: ${changed.join(" and ")} ${verb}; nothing was written: give --overwrite to replace what differs`,
    );
  const yes = await questions.ask({
    option: "--overwrite",
    text: `${changed.join(" and ")} ${verb}. Replace? (yes, no)`,
    fallback: "no",
    parse: (text) => {
      if (!["yes", "no"].includes(text)) throw new Error('answer "yes" or "no"');
      return text === "yes";
    },
  });
  if (!yes) throw new Error("nothing was written");
}

/** Commands of the next steps. */
function nextSteps(stack: string, envFile: string | undefined): string[] {
  const run = envFile === undefined ? "" : `op run --env-file ${envFile} -- `;
  return [
    ...(envFile === undefined ? [] : [`edit ${envFile}: its references name items of your 1Password vault`]),
    "nix flake lock ./nix",
    `${run}tools/pulumi stack init ${stack}`,
    `${run}tools/pantheros doctor --stack ${stack}`,
    `${run}tools/pantheros up --stack ${stack}`,
  ];
}

/**
 * Writes the files and prints what is next. Nothing is written before everything is known to be valid.
 * @param root the repository
 * @throws InventoryError, UsageError
 */
export async function init(options: InitCommandOptions, root: string): Promise<number> {
  const cwd = process.cwd();
  const questions = process.stdin.isTTY ? dialog(process.stdin, process.stderr) : undefined;
  try {
    const answers = await collectAnswers({ options, ask: questions?.ask, env: process.env });
    const { stack } = answers;
    const fleet =
      options.fleet === undefined ? path.join(root, DEFAULT_FLEET) : path.resolve(cwd, options.fleet);
    const stackFile =
      options.configFile === undefined
        ? path.join(root, `Pulumi.${stack}.yaml`)
        : path.resolve(cwd, options.configFile);
    const text = fleetText(answers);
    planFor(parseInventory(text, shownPath(fleet, root)), stack);
    const before = existsSync(stackFile) ? readFileSync(stackFile, "utf8") : undefined;
    const otherFleet = fleet === path.join(root, DEFAULT_FLEET) ? undefined : shownPath(fleet, root);
    const envFile = options.envFile === false ? undefined : path.join(root, `${stack}.env`);
    const files = [
      plannedFile(fleet, text),
      plannedFile(stackFile, stackText(before, shownPath(stackFile, root), stack, otherFleet)),
      ...(envFile === undefined
        ? []
        : [
            plannedFile(
              envFile,
              environmentText(readFileSync(path.join(root, EXAMPLE), "utf8"), answers),
              true,
            ),
          ]),
    ];
    if (!options.overwrite) await confirmChanges(files, root, questions);
    for (const file of files) if (["new", "changed"].includes(file.state)) writeFile(file);
    report(files, nextSteps(stack, envFile && shownPath(envFile, root)), { options, root, stack });
    return EXIT_OK;
  } finally {
    questions?.close();
  }
}

/** What became of a file, in the words of the report. */
const WORDS = {
  new: "written",
  changed: "replaced",
  unchanged: "unchanged",
  kept: "kept as it was",
} as const;

function report(
  files: readonly PlannedFile[],
  next: readonly string[],
  {
    options,
    root,
    stack,
  }: { readonly options: InitCommandOptions; readonly root: string; readonly stack: string },
): void {
  const shown = files.map(({ path: file, state }) => ({ path: shownPath(file, root), state: WORDS[state] }));
  const text = options.json
    ? JSON.stringify({ schemaVersion: 1, stack, files: shown, next }, undefined, 2)
    : [
        ...shown.map(({ path: file, state }) => `${file}: ${state}`),
        "",
        "Next:",
        ...next.map((line) => `  ${line}`),
      ].join("\n");
  process.stdout.write(`${text}\n`);
}
