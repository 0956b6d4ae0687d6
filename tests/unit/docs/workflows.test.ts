/** What jobs may access, and how they are written: actions are pinned, text of others is never code, deploys end. */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { createProgram, visibleCommands } from "../../../cli/program.ts";

const FOLDER = ".github/workflows";
const workflows = readdirSync(FOLDER).filter((name) => /\.ya?ml$/.test(name));
const ACTIONS = readdirSync(".github/actions").map((name) => `.github/actions/${name}/action.yml`);
const files = [...workflows.map((name) => `${FOLDER}/${name}`), ...ACTIONS];

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}
interface Job {
  readonly if?: string;
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly concurrency?: { readonly group: string; readonly "cancel-in-progress": boolean };
  readonly "timeout-minutes"?: number;
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: Job["concurrency"];
  readonly jobs: Readonly<Record<string, Job>>;
}

const read = (name: string) => parse(readFileSync(`${FOLDER}/${name}`, "utf8")) as Workflow;
/** Without comments, which may name anything. */
const textOf = (file: string) => readFileSync(file, "utf8").replace(/(^|\s)#.*$/gm, "");
const jobs = workflows.flatMap((name) =>
  Object.entries(read(name).jobs).map(([job, its]) => ({ id: `${name} ${job}`, name, job: its })),
);
const SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository";
const forPullRequests = (name: string) => "pull_request" in read(name).on;
const holdsSecrets = (job: Job) => /\bsecrets\./.test(JSON.stringify(job));
const writes = (job: Job) =>
  Object.entries(job.permissions ?? {}).filter(([right, level]) => level === "write" && right !== "id-token");

test("a fork's pull request gets no secret: only the preview has any, and it does not run for forks", () => {
  expect(workflows).toContain("preview.yml");
  for (const file of files) {
    // These would run with the repository's secrets, whoever wrote the change.
    expect([file, /pull_request_target|workflow_run|issue_comment/.exec(textOf(file))]).toEqual([file, null]);
  }
  for (const { id, name, job } of jobs.filter(({ name }) => forPullRequests(name))) {
    const privileged = holdsSecrets(job) || job.environment !== undefined || writes(job).length > 0;
    expect([id, privileged && !(job.if ?? "").includes(SAME_REPOSITORY)]).toEqual([id, false]);
    if (name !== "preview.yml") {
      expect([id, privileged, read(name).permissions]).toEqual([id, false, { contents: "read" }]);
    }
  }
});

test("no job of a pull request's code may write: the comment is written by the base branch's code", () => {
  for (const { id, job } of jobs.filter(({ name }) => forPullRequests(name))) {
    if (writes(job).length === 0) continue;
    expect([id, writes(job)]).toEqual(["preview.yml comment", [["pull-requests", "write"]]]);
    const checkouts = job.steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts.map((step) => step.with?.["ref"])).toEqual([
      expect.stringMatching(/^\$\{\{ github\.event\.pull_request\.base\.sha \}\}$/),
    ]);
    expect(holdsSecrets(job)).toBe(false);
    expect(job.environment).toBeUndefined();
    // A package's own scripts, and what another job stored, are the pull request's code too.
    const text = JSON.stringify(job.steps);
    expect(text).toContain("npm ci --ignore-scripts");
    expect(text).not.toMatch(/actions\/cache|"cache":/);
  }
});

test("the preview of a pull request has no key that deploys or signs, and uses the probe key", () => {
  for (const name of ["preview.yml", "drift.yml"]) {
    const text = textOf(`${FOLDER}/${name}`);
    expect(text).toMatch(/^permissions: \{\}$/m);
    expect(text).toMatch(/^ *PANTHEROS_PROBE: status$/m);
    expect(text).toMatch(/^ *PANTHEROS_SSH_KEY: \$\{\{ runner\.temp \}\}\/probe-key$/m);
    expect(text).not.toMatch(/PANTHEROS_SIGNING_KEY|deploy[ -]key|signing[ -]key/i);
    // Every secret of the job is in the previews' vault.
    const references = [...text.matchAll(/op:\/\/([^/]+)\//g)].map(([, vault]) => vault);
    expect(references.length).toBeGreaterThan(0);
    expect(new Set(references)).toEqual(new Set(["Preview"]));
    const secrets = [...text.matchAll(/\bsecrets\.([A-Z_]+)/g)].map(([, secret]) => secret);
    expect(new Set(secrets)).toEqual(new Set(["OP_PREVIEW_SERVICE_ACCOUNT_TOKEN"]));
  }
});

test("deploys run on main only, with the secrets of their environment, staging before production", () => {
  const { on, jobs: deploys } = read("deploy.yml");
  expect(Object.keys(on).sort()).toEqual(["push", "workflow_dispatch"]);
  expect(on["push"]).toMatchObject({ branches: ["main"] });
  for (const [stack, job] of Object.entries(deploys)) {
    expect(job).toMatchObject({ if: "github.ref == 'refs/heads/main'", environment: stack });
    const secrets = [...JSON.stringify(job).matchAll(/\bsecrets\.([A-Z_]+)/g)].map(([, name]) => name);
    expect(secrets).toEqual(["OP_DEPLOY_SERVICE_ACCOUNT_TOKEN"]);
  }
  expect(deploys["production"]?.needs).toBe("staging");
});

test("a stack has one run at a time, and no deploy is cancelled", () => {
  const stacks = jobs.filter(({ job }) =>
    /tools\/pantheros (up|preview)|actions\/up"/.test(JSON.stringify(job.steps)),
  );
  expect(stacks.map(({ id }) => id).sort()).toEqual([
    ...["deploy.yml production", "deploy.yml staging", "drift.yml preview", "preview.yml preview"],
  ]);
  for (const { id, name, job } of stacks) {
    expect([id, job.concurrency]).toEqual([
      id,
      {
        group: expect.stringMatching(/^stack-(staging|production|\$\{\{ matrix\.stack \}\})$/),
        "cancel-in-progress": false,
      },
    ]);
    // A group of the whole workflow would cancel its jobs.
    expect([name, read(name).concurrency]).toEqual([name, undefined]);
  }
});

test("what a workflow runs for the fleet is a command for people", () => {
  const runs = [...files.map((file) => readFileSync(file, "utf8")), readFileSync(".gitlab-ci.yml", "utf8")];
  const commands = runs.flatMap((text) => text.match(/tools\/[a-z][\w/-]*(\.\w+)?( [a-z-]+)?/g) ?? []);
  expect(new Set(commands.filter((each) => each.startsWith("tools/pantheros")))).toEqual(
    new Set([
      "tools/pantheros preview",
      "tools/pantheros comment",
      "tools/pantheros up",
      "tools/pantheros report",
      "tools/pantheros status",
      "tools/pantheros changed-hosts",
    ]),
  );
});

describe("each command of a job exists", () => {
  interface GitLab {
    readonly script?: readonly string[];
    readonly before_script?: readonly string[];
    readonly after_script?: readonly string[];
  }
  const gitlab = Object.values(parse(readFileSync(".gitlab-ci.yml", "utf8")) as Record<string, GitLab>);
  const scripts = [
    ...files.flatMap((file) => {
      const { runs, jobs: its } = parse(readFileSync(file, "utf8")) as Partial<Workflow> & {
        runs?: { steps: Step[] };
      };
      return [...(runs?.steps ?? []), ...Object.values(its ?? {}).flatMap(({ steps }) => steps)];
    }),
    ...gitlab.flatMap(({ script = [], before_script: before = [], after_script: after = [] }) =>
      [...script, ...before, ...after].map((run) => ({ run })),
    ),
  ].flatMap(({ run }) => run ?? []);
  /** The words of each command; quoted text stays one word, and variables before a command are left out. */
  const commands = scripts
    .flatMap((text) => text.replace(/\\\n/g, " ").split(/\n|&&|(?<!\|)\|(?!\|)/))
    .map((line) => line.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? [])
    .filter(([first = "#"]) => !first.startsWith("#"))
    .map((words) => words.map((word) => word.replace(/^["']|["']$/g, "")));
  const own = (start: string) => commands.filter(([first]) => first?.startsWith(start));

  /** Programs of the runners, and of actions that a job uses before. */
  const PROGRAMS = [
    "docker",
    "echo",
    "git",
    "jq",
    "make",
    "nix",
    "npm",
    "printf",
    "rm",
    "sudo",
    "tee",
    "umask",
  ];

  test("programs are those of the repository or of the runners", () => {
    expect(commands.length).toBeGreaterThan(20);
    const programs = new Set(commands.map(([first = ""]) => first));
    for (const program of programs) {
      if (program.includes("/")) expect(() => accessSync(program, constants.X_OK)).not.toThrow();
      else expect(PROGRAMS).toContain(program);
    }
  });

  test("targets of make are in the Makefile", () => {
    const targets = own("make").map(([, target]) => target);
    expect(targets).toContain("nix-eval");
    const makefile = readFileSync("Makefile", "utf8");
    for (const target of targets) expect(makefile).toMatch(new RegExp(`^${target}:`, "m"));
  });

  test("commands of tools/pantheros have the options that are given", () => {
    /** Options of the Pulumi CLI, which `preview` and `up` pass on. */
    const PASSED = ["--stack", "--refresh", "--yes", "--suppress-outputs", "--policy-pack"];
    const known = new Map(
      visibleCommands(createProgram()).map((each) => [each.names.join(" "), each.command]),
    );
    expect(own("tools/pantheros").length).toBeGreaterThan(5);
    for (const [, name = "", ...words] of own("tools/pantheros")) {
      const options = known.get(name)?.options.map(({ long }) => long) ?? [];
      const passed = ["preview", "up"].includes(name) ? PASSED : [];
      const unknown = words.filter(
        (word) => word.startsWith("--") && ![...options, ...passed].includes(word),
      );
      expect([name, known.has(name), unknown]).toEqual([name, true, []]);
    }
  });
});

test("a deploy that fails is reported too, with its outcome", () => {
  const { runs } = parse(readFileSync(".github/actions/up/action.yml", "utf8")) as {
    runs: { steps: (Step & { if?: string })[] };
  };
  const { steps } = runs;
  const [begin, report] = ["Begin", "Report"].map((name) => steps.findIndex((step) => step.name === name));
  expect([begin, report]).toEqual([0, steps.length - 1]);
  expect(steps.at(-1)).toMatchObject({
    if: "always()",
    env: { OUTCOME: expect.stringContaining("job.status") },
  });
});

test("every action is pinned by a commit with its version, the same in all workflows", () => {
  const steps = files.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/\buses: *(.*)$/gm)].map(([, used = ""]) => ({ file, used })),
  );
  expect(steps.length).toBeGreaterThan(10);
  const [own, others] = [
    steps.filter(({ used }) => used.startsWith("./")),
    steps.filter(({ used }) => !used.startsWith("./")),
  ];
  for (const { used } of own) expect([used, existsSync(`${used}/action.yml`)]).toEqual([used, true]);
  // A tag can be moved to different code; Renovate reads and updates the comment.
  const loose = others.filter(({ used }) => !/^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(used));
  expect(loose).toEqual([]);
  const pins = new Set(others.map(({ used }) => used));
  const actions = new Set(others.map(({ used }) => used.split("@")[0]));
  expect(pins.size).toBe(actions.size);
});

/** Rules of zizmor (docs.zizmor.sh, "Audit rules") that concern these files. */
describe("each file", () => {
  const stepsOf = (file: string): readonly Step[] => {
    const content = parse(readFileSync(file, "utf8")) as { runs?: { steps: Step[] } } & Partial<Workflow>;
    return content.runs?.steps ?? Object.values(content.jobs ?? {}).flatMap(({ steps }) => steps);
  };

  test.each(files)("%s: text of others never becomes part of a script", (file) => {
    // template-injection: expressions are replaced before the shell reads the script. Numbers and names of ours are
    // passed in the environment too, so that the rule needs no exception but the matrix of Nix.
    const scripts = stepsOf(file).flatMap(({ run }) => run?.match(/\$\{\{[^}]*\}\}/g) ?? []);
    expect(scripts.filter((each) => !/^\$\{\{ matrix\.(system|host|machine) \}\}$/.test(each))).toEqual([]);
    // github-env: a file that later steps read as variables.
    expect(stepsOf(file).filter(({ run }) => /GITHUB_(ENV|PATH)\b/.test(run ?? ""))).toEqual([]);
  });

  test.each(files)("%s: the checkout leaves no token behind", (file) => {
    const checkouts = stepsOf(file).filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    for (const step of checkouts) expect(step.with).toMatchObject({ "persist-credentials": false });
  });

  test.each(workflows)("%s: rights are given per job, or only to read", (name) => {
    const { permissions, jobs: its } = read(name);
    expect(permissions).toBeDefined();
    expect(Object.values(permissions ?? {}).filter((level) => level !== "read")).toEqual([]);
    for (const job of Object.values(its)) expect(job["timeout-minutes"]).toBeGreaterThan(0);
  });

  test("deploys use no cache, which a pull request could have filled", () => {
    for (const file of [...ACTIONS, `${FOLDER}/deploy.yml`]) {
      expect(
        stepsOf(file).filter(
          ({ uses, with: given }) => /actions\/cache/.test(uses ?? "") || given?.["cache"],
        ),
      ).toEqual([]);
    }
  });
});

describe(".gitlab-ci.yml", () => {
  type GitLabJob = {
    stage?: string;
    extends?: string | string[];
    script?: string[];
    rules?: { if: string; when?: string }[];
    resource_group?: string;
    environment?: { name: string } | string;
    interruptible?: boolean;
  };
  const pipeline = parse(readFileSync(".gitlab-ci.yml", "utf8")) as Record<string, GitLabJob>;

  test("jobs with variables run for branches of this project only", () => {
    const ownBranch = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID";
    expect(pipeline[".change"]?.rules?.[0]?.if).toContain(ownBranch);
    expect(pipeline["comment"]?.rules?.[0]?.if).toContain(ownBranch);
    expect(pipeline["preview"]?.extends).toContain(".change");
    expect(pipeline["check"]?.environment).toBeUndefined();
  });

  test("the comment is written by the target branch's code, and deploys run on the default branch", () => {
    const script = pipeline["comment"]?.script ?? [];
    const checkout = script.findIndex((line) =>
      line.includes('git checkout --force "$CI_MERGE_REQUEST_DIFF_BASE_SHA"'),
    );
    expect(checkout).toBeGreaterThan(-1);
    expect(script.findIndex((line) => line.startsWith("npm ci"))).toBeGreaterThan(checkout);
    for (const job of [".main", "production"])
      expect(
        pipeline[job]?.rules?.every((rule) => rule.if.includes("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")),
      ).toBe(true);
    expect(pipeline["production"]?.rules?.[0]?.when).toBe("manual");
    expect([pipeline[".up"]?.resource_group, pipeline[".preview"]?.resource_group]).toEqual([
      "stack-$STACK",
      "stack-$STACK",
    ]);
    expect(pipeline["default"]?.interruptible).toBe(false);
  });
});
