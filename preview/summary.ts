/** A preview on the terminal: a few lines of plain text. */
import { quoted } from "../lib/sanitize.ts";
import { ACTION_TEXT, cautionOf, costText, countsText, isListed, promotionText } from "./comment/words.ts";
import type { PreviewDocument } from "./document.ts";

/** Lines for each kind; the file has all of them. */
const MAX_LINES = 40;

function limited(lines: readonly string[]): string[] {
  const left = lines.length - MAX_LINES;
  return [...lines.slice(0, MAX_LINES), ...(left > 0 ? [`  and ${left} more`] : [])];
}

export function summaryText(document: PreviewDocument): string {
  const { stack, hosts, changes, findings, cost, promotion, errors, warnings } = document;
  const cautions = changes.flatMap((change) => {
    const caution = cautionOf(change);
    return caution === undefined ? [] : [`  caution  ${change.type} ${change.name} ${caution}`];
  });
  return [
    `${stack}: ${document.outcome === "failed" ? "the preview failed; " : ""}cloud ${countsText(document)}`,
    ...limited(cautions),
    ...limited(
      hosts
        .filter(isListed)
        .map(
          ({ host, wave, action, reason }) =>
            `  wave ${wave}  ${host}: ${ACTION_TEXT[action]}${reason ? `; ${reason}` : ""}`,
        ),
    ),
    ...limited(
      findings.map(({ level, rule, key, message }) => `  policy   ${level}: ${rule}: ${key}: ${message}`),
    ),
    ...(promotion === undefined ? [] : [`  promotion ${promotionText(promotion)}`]),
    ...(cost === undefined ? [] : [`  cost     ${costText(cost)}`]),
    ...limited(warnings.map((text) => quoted(text, "  warning  "))),
    ...limited(errors.map((text) => quoted(text, "  error    "))),
  ].join("\n");
}
