/**
 * What a role may do (`[roles.NAME] capabilities`): one table. The control centre's guards, the rules of each host's
 * `pantheros-operator` (nix/lib/operators.nix) and docs/control-centre.md are made from it.
 */

/** A verb of `pantheros-operator` on a host. */
export const OPERATOR_VERBS = ["status", "logs", "restart", "rollback", "confirm"] as const;
export type OperatorVerb = (typeof OPERATOR_VERBS)[number];

/** Where a capability is checked: in the control centre, on each host, and when a run reads an approval. */
type Place = "centre" | "host" | "run";

interface Meaning {
  /** What the role may do, for the docs; follows "may". */
  readonly may: string;
  readonly places: readonly Place[];
  /** What the role may call on a host. */
  readonly verbs?: readonly OperatorVerb[];
}

export const CAPABILITIES = {
  "status.read": {
    may: "see hosts, runs, topology, recovery and budgets",
    places: ["centre", "host"],
    verbs: ["status"],
  },
  "log.read": { may: "read the journal of a unit", places: ["centre", "host"], verbs: ["logs"] },
  "service.restart": {
    may: "restart the units of `restart_units`",
    places: ["centre", "host"],
    verbs: ["restart"],
  },
  "rollback.host": {
    may: "roll back a host, which pins it",
    places: ["centre", "host"],
    verbs: ["status", "rollback", "confirm"],
  },
  "rollback.wave": {
    may: "roll back all hosts of a wave, which pins them",
    places: ["centre", "host"],
    verbs: ["status", "rollback", "confirm"],
  },
  "rollback.release": { may: "release a pin", places: ["centre"] },
  "deploy.confirm": {
    may: "confirm a system that waits for its confirmation",
    places: ["centre", "host"],
    verbs: ["status", "confirm"],
  },
  "run.preview": { may: "start a preview", places: ["centre"] },
  "run.up": { may: "start an `up`", places: ["centre"] },
  "run.report": { may: "report a run that goes on elsewhere, such as in a pipeline", places: ["centre"] },
  "audit.read": { may: "read the audit log", places: ["centre"] },
  "token.manage": { may: "make and revoke tokens of the API", places: ["centre"] },
  "promotion.approve": { may: "sign approvals (`tools/pantheros approve`)", places: ["run"] },
} as const satisfies Readonly<Record<string, Meaning>>;

export type Capability = keyof typeof CAPABILITIES;
export const CAPABILITY_NAMES = Object.keys(CAPABILITIES) as readonly Capability[];

const meaningOf = (capability: Capability): Meaning => CAPABILITIES[capability];

/** Whether an entry of a role's list includes a capability: its name, `*`, or `area.*`. */
const includes = (entry: string, wanted: string): boolean =>
  entry === "*" || entry === wanted || (entry.endsWith(".*") && wanted.startsWith(entry.slice(0, -1)));

/** Whether a role with these entries has the capability. */
export const grants = (entries: readonly string[], wanted: Capability): boolean =>
  entries.some((entry) => includes(entry, wanted));

/** Whether an entry of a role's list includes any capability at all. */
export const isKnownCapability = (entry: string): boolean =>
  CAPABILITY_NAMES.some((name) => includes(entry, name));

/** The verbs that a role with these entries may call on hosts. */
export const verbsOf = (entries: readonly string[]): OperatorVerb[] =>
  OPERATOR_VERBS.filter((verb) =>
    CAPABILITY_NAMES.some((name) => grants(entries, name) && meaningOf(name).verbs?.includes(verb)),
  );

/** Verb -> the capabilities that include it, for Nix. */
export const OPERATOR_RULES = "nix/lib/operator-verbs.json";
export const operatorRules = (): string =>
  `${JSON.stringify(
    Object.fromEntries(
      OPERATOR_VERBS.map((verb) => [
        verb,
        CAPABILITY_NAMES.filter((name) => meaningOf(name).verbs?.includes(verb)),
      ]),
    ),
    null,
    2,
  )}\n`;

type Roles = Readonly<Record<string, { readonly capabilities: readonly string[] }>>;

/** The capabilities as a table of Markdown, with the roles of a fleet as columns. */
function capabilityTable(roles: Roles): string {
  const names = Object.keys(roles);
  const rows = [
    ["capability", "may", "checked by", "verbs on a host", ...names],
    ...CAPABILITY_NAMES.map((name) => {
      const { may, places, verbs = [] } = meaningOf(name);
      const given = names.map((role) => (grants(roles[role]?.capabilities ?? [], name) ? "yes" : ""));
      return [`\`${name}\``, may, places.join(", "), verbs.join(", "), ...given];
    }),
  ];
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[], fill = " ") =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0, fill)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [
    line(head),
    line(
      head.map(() => ""),
      "-",
    ),
    ...body.map((row) => line(row)),
  ].join("\n");
}

/** The page with the table, between two comments. */
export const CAPABILITY_DOCS = "docs/control-centre.md";

export const withCapabilityTable = (page: string, roles: Roles): string =>
  page.replace(
    /(<!-- capabilities -->\n)[\s\S]*?(<!-- \/capabilities -->)/,
    (_, before: string, after: string) => `${before}\n${capabilityTable(roles)}\n\n${after}`,
  );
