/** What jobs of pull requests can access: they run untrusted code. */
import { readdirSync, readFileSync } from "node:fs";

const folder = ".github/workflows";
const workflows = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
/** Without comments, which may name anything. */
const textOf = (name: string) => readFileSync(`${folder}/${name}`, "utf8").replace(/(^|\s)#.*$/gm, "");

test("a fork's pull request gets no secret: only the preview has any, and it does not run for forks", () => {
  expect(workflows).toContain("preview.yml");
  for (const name of workflows) {
    const text = textOf(name);
    // These would run with the repository's secrets, whoever wrote the change.
    expect([name, /pull_request_target|workflow_run|issue_comment/.exec(text)]).toEqual([name, null]);
    if (/\bsecrets\./.test(text)) {
      expect(name).toBe("preview.yml");
      const jobs = text.slice(text.indexOf("\njobs:")).match(/^ {2}[a-z][a-z-]*:$/gm) ?? [];
      const guarded = text.match(
        /^ {2}[a-z][a-z-]*:\n {4}if: github\.event\.pull_request\.head\.repo\.full_name == github\.repository$/gm,
      );
      expect(guarded).toHaveLength(jobs.length);
    } else {
      expect([name, /^permissions:\n {2}contents: read$/m.test(text)]).toEqual([name, true]);
      expect([name, /: write\b/.exec(text)]).toEqual([name, null]);
    }
  }
});

test("the preview of a pull request has no key that deploys or signs, and uses the probe key", () => {
  const text = textOf("preview.yml");
  expect(text).toMatch(/^permissions: \{\}$/m);
  expect(text).toMatch(/^ *PANTHEROS_PROBE: status$/m);
  expect(text).toMatch(/^ *PANTHEROS_SSH_KEY: \$\{\{ runner\.temp \}\}\/probe-key$/m);
  expect(text).not.toMatch(/PANTHEROS_SIGNING_KEY|deploy[ -]key|signing[ -]key/i);
  // Every secret of the job is in the previews' vault.
  const references = [...text.matchAll(/op:\/\/([^/]+)\//g)].map(([, vault]) => vault);
  expect(references.length).toBeGreaterThan(0);
  expect(new Set(references)).toEqual(new Set(["Preview"]));
  const secrets = [...text.matchAll(/\bsecrets\.([A-Z_]+)/g)].map(([, name]) => name);
  expect(new Set(secrets)).toEqual(new Set(["OP_PREVIEW_SERVICE_ACCOUNT_TOKEN"]));
});

test("every action is pinned by a commit with its version, the same in all workflows", () => {
  const steps = workflows.flatMap((name) =>
    [...readFileSync(`${folder}/${name}`, "utf8").matchAll(/\buses: *(.*)$/gm)].map(([, used = ""]) => ({
      name,
      used,
    })),
  );
  expect(steps.length).toBeGreaterThan(10);
  // A tag can be moved to different code; Renovate reads and updates the comment.
  const loose = steps.filter(({ used }) => !/^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(used));
  expect(loose).toEqual([]);
  const pins = new Set(steps.map(({ used }) => used));
  const actions = new Set(steps.map(({ used }) => used.split("@")[0]));
  expect(pins.size).toBe(actions.size);
});
