/** Compares the units of two systems, by the links in their `etc/systemd/system`. Pure functions. */

export interface UnitChanges {
  readonly changed: string[];
  readonly added: string[];
  readonly removed: string[];
}

/** NixOS gives each unit of its own a store path of this form; other links belong to systemd and packages. */
const ownUnit = /-unit-[^/]+\/[^/]+$/;

const has = Object.hasOwn;

/** The links of units that NixOS declares. */
export const ownUnits = (links: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(links).filter(([, to]) => ownUnit.test(to)));

/**
 * Compares the units that NixOS declares.
 * @param links all links of the one system
 * @param wanted units of the other system; a link of the same name counts, whatever it leads to
 */
export function unitChanges(
  links: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): UnitChanges {
  const now = Object.fromEntries(
    Object.entries(links).filter(([name, to]) => has(wanted, name) || ownUnit.test(to)),
  );
  const names = [...new Set([...Object.keys(now), ...Object.keys(wanted)])].sort();
  return {
    changed: names.filter((name) => has(now, name) && has(wanted, name) && now[name] !== wanted[name]),
    added: names.filter((name) => !has(now, name)),
    removed: names.filter((name) => !has(wanted, name)),
  };
}
