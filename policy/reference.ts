/** docs/policy.md, from the rules' own texts. */

import { RULE_NAMES, type RuleName, WITHOUT_EXCEPTIONS } from "../inventory/policy.ts";
import { inventorySchema } from "../inventory/schema.ts";
import { RULES } from "./rules.ts";

const defaults = inventorySchema.shape.policy.parse({});

function ruleSection(name: RuleName): string[] {
  const { text, why, allowedBy = [] } = RULES[name];
  const keys = allowedBy.map((key) => `\`${key}\``).join(", ");
  return [
    `### \`${name}\``,
    "",
    `${text} ${why}`,
    "",
    `Level: ${defaults.levels[name]}${WITHOUT_EXCEPTIONS.includes(name) ? "; it cannot be changed, and there are no exceptions from it" : ""}.` +
      (keys === "" ? "" : ` What is allowed: ${keys}.`),
    "",
  ];
}

/** The page as Markdown. */
export const policyReference = (): string =>
  [
    "# Policy",
    "",
    "`make docs` writes this file from `policy/rules.ts`, and a test compares them.",
    "",
    "A rule says what a fleet must never do, whoever edits the inventory. Rules are checked in two ways, and",
    "the comment on a pull request has the findings of both:",
    "",
    "- **On the plan**, in every preview and `up`, before anything is created, also with",
    "  `--skip-preview`. A finding names the key of the inventory and what to do.",
    "- **On the resolved inputs of resources**, as a Pulumi policy pack. This also finds what a change of",
    "  the program does: `tools/pulumi preview --policy-pack policy/pack`. It adds about a second, so",
    "  people ask for it with this option. The previews of pull requests always have it. It needs no",
    "  download.",
    "",
    "`tools/pantheros policy --stack NAME` prints the findings of a stack without Pulumi, Nix or a vendor,",
    "and `--json` prints them as data.",
    "",
    "## Levels",
    "",
    "`[policy.levels]` of the inventory sets the level of a rule. `mandatory` stops the run before anything",
    "is created. `advisory` prints a warning. `disabled` turns the rule off. The keys of `[policy]` that say",
    "what a rule allows are in [inventory.md](inventory.md#policy).",
    "",
    "## Exceptions",
    "",
    "An exception allows one finding for a time. It names the rule and the key that the finding names:",
    "",
    "```toml",
    "[policy.exceptions.migration]",
    'rule = "ssh-not-public"',
    'key = "hosts.web.ssh.sources"',
    'who = "the operations team"',
    'why = "the old runner has no fixed address until the move"',
    'until = "2026-12-31"',
    "```",
    "",
    "It counts until the end of that day, in UTC. Afterwards the finding counts again and says which",
    "exception ended. In its last 14 days every run prints a warning. An unknown rule, a key that the",
    "inventory does not have, and two exceptions for one rule and key are errors. An exception covers",
    "exactly its key, and never a resource that the inventory does not describe.",
    "",
    "## Rules",
    "",
    ...RULE_NAMES.flatMap(ruleSection),
  ].join("\n");
