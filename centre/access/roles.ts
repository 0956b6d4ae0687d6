/** Which role a person has: by the groups of the directory, or by the address of a user of the inventory. Pure. */
import type { Identity } from "./identity.ts";

/** Of the inventory's `[roles]` and `[users]`, what sign-on needs. */
export interface People {
  readonly roles: Readonly<
    Record<string, { readonly capabilities: readonly string[]; readonly directoryGroups: readonly string[] }>
  >;
  readonly users: Readonly<Record<string, { readonly role: string; readonly email?: string | undefined }>>;
}

/**
 * The role of a person with these groups, which must include all `directory_groups` of the role. Of several such roles,
 * the one with the most groups is returned, and of equals the first in the inventory. Undefined: no role.
 */
export function roleOfGroups({ roles }: People, groups: readonly string[]): string | undefined {
  const fitting = Object.entries(roles)
    .filter(([, { directoryGroups }]) => directoryGroups.length > 0)
    .filter(([, { directoryGroups }]) => directoryGroups.every((group) => groups.includes(group)));
  const most = Math.max(...fitting.map(([, { directoryGroups }]) => directoryGroups.length));
  return fitting.find(([, { directoryGroups }]) => directoryGroups.length === most)?.[0];
}

/** The role of the user of the inventory with this e-mail address; undefined: there is none. */
export function roleOfEmail({ users }: People, email: string): string | undefined {
  const wanted = email.toLowerCase();
  return Object.values(users).find((user) => user.email?.toLowerCase() === wanted)?.role;
}

/** Whom a role makes of somebody; undefined: the inventory has no such role. */
export function identityWith(
  { roles }: People,
  given: Pick<Identity, "who" | "door"> & { readonly role: string | undefined },
): Identity | undefined {
  const { role } = given;
  const found = role !== undefined && Object.hasOwn(roles, role) ? roles[role] : undefined;
  if (role === undefined || found === undefined) return undefined;
  return { who: given.who, door: given.door, role, capabilities: found.capabilities };
}
