/**
 * The part of LogQL that the alerts and panels of nix/ use: a selector, line filters, JSON fields and label
 * filters. Source: Grafana Loki, "LogQL: log query language". Any other syntax is an error.
 */
import { evaluate } from "../nix/nix.ts";

/** A journal entry: fields of systemd.journal-fields(7) in lower case, including `message`. */
export type Entry = Readonly<Record<string, string>>;
type Labels = Readonly<Record<string, string>>;

interface Rule {
  readonly source: string;
  readonly regex: string;
  readonly target: string;
  readonly replacement: string;
}

/** Keywords of `__journal_priority_keyword`. Source: Alloy, loki.source.journal, makeJournalPriority. */
const PRIORITIES = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"] as const;

/** The stream labels of an entry, by the rules of nix/lib/alloy.nix. */
export function labeller(host: string): (entry: Entry) => Labels {
  const rules = evaluate('(import (nix + "/lib/alloy.nix")).journalRules') as readonly Rule[];
  return (entry) => {
    const labels: Record<string, string> = { host };
    for (const { source, regex, target, replacement } of rules) {
      const keyword = PRIORITIES[Number(entry["priority"])] ?? "";
      const value =
        source === "__journal_priority_keyword" ? keyword : (entry[source.replace(/^__journal_/, "")] ?? "");
      const found = new RegExp(`^(?:${regex})$`).exec(value);
      if (found !== null) labels[target] = replacement.replace(/\$1/g, found[1] ?? "");
    }
    return labels;
  };
}

const unquoted = (text: string): string => text.slice(1, -1);

function compares(operator: string, wanted: string, value: string): boolean {
  const whole = () => new RegExp(`^(?:${wanted})$`).test(value);
  if (operator === "=~") return whole();
  if (operator === "=") return value === wanted;
  throw new Error(`journal.ts: unknown comparison ${operator}`);
}

function field(line: string, path: string): string | undefined {
  try {
    const value = path
      .split(".")
      .reduce((at: unknown, key) => (at as Record<string, unknown> | undefined)?.[key], JSON.parse(line));
    return value === undefined ? undefined : String(value);
  } catch {
    return undefined;
  }
}

/** The selectors of a query with their pipelines, without aggregations and comparisons. */
export const pipelinesOf = (query: string): string[] =>
  [...query.matchAll(/\{[^}]*\}(?:`[^`]*`|"[^"]*"|[^`"[])*/g)].map(([text]) => text.trim());

/** Whether a selector with its pipeline selects an entry. */
export function selects(pipeline: string, labels: Labels, message: string): boolean {
  const [, selector = "", rest = ""] = /^\{([^}]*)\}(.*)$/s.exec(pipeline) ?? [];
  for (const [, name = "", operator = "", wanted = ""] of selector.matchAll(
    /(\w+)\s*(=~|=)\s*("[^"]*"|`[^`]*`)/g,
  )) {
    if (!compares(operator, unquoted(wanted), labels[name] ?? "")) return false;
  }
  let left = rest.trim();
  const extracted: Record<string, string> = {};
  while (left !== "") {
    const filter = /^(\|=|\|~)\s*(`[^`]*`)\s*/.exec(left);
    const json = /^\|\s*json((?:\s*\w+="[^"]*",?)+)\s*/.exec(left);
    const label = /^\|\s*(\w+)(=~|=)(`[^`]*`)\s*/.exec(left);
    if (filter !== null) {
      const text = unquoted(filter[2] ?? "");
      if (filter[1] === "|=" ? !message.includes(text) : !new RegExp(text).test(message)) return false;
    } else if (json !== null) {
      for (const [, name = "", path = ""] of (json[1] ?? "").matchAll(/(\w+)="([^"]*)"/g)) {
        // Loki renames such a field, so the query would compare the stream's label.
        if (name in labels) throw new Error(`${name} is a label of the stream: ${pipeline}`);
        extracted[name] = field(message, path) ?? "";
      }
    } else if (label !== null) {
      if (!compares(label[2] ?? "", unquoted(label[3] ?? ""), extracted[label[1] ?? ""] ?? "")) return false;
    } else throw new Error(`journal.ts: unknown syntax ${left} in ${pipeline}`);
    left = left.slice((filter ?? json ?? label)?.[0].length);
  }
  return true;
}
