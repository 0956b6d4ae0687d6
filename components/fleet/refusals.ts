/** Refuses to touch hosts whose machine also belongs to another host. */
import * as pulumi from "@pulumi/pulumi";
import { entryOf } from "../../lib/entry-of.ts";
import { reportError, unlessFailed } from "../failures.ts";
import type { Machine } from "../machine.ts";
import { type Identity, identityFindings } from "../nixos-host/identity.ts";
import type { NixosHost } from "../nixos-host/nixos-host.ts";
import type { Machines } from "./machines.ts";

/** What identifies a host's machine, after its probe; undefined when a resource that it needs failed. */
const identityOf = (
  { hostname: host, seen }: NixosHost,
  machine: Machine,
): pulumi.Output<Identity | undefined> =>
  unlessFailed(
    pulumi.all([machine.hostKey, seen]).apply(([hostKey, probe]): Identity => ({ host, hostKey, probe })),
  );

/**
 * Host -> why it is not touched: its machine also belongs to another host. A preview reports it as
 * an error.
 */
function refusalsOf(
  identities: readonly pulumi.Output<Identity | undefined>[],
  file: string,
): pulumi.Output<Readonly<Record<string, string>>> {
  return pulumi.all([...identities]).apply((known) => {
    const { refused, problems, warnings } = identityFindings(known.filter((each) => each !== undefined));
    for (const warning of warnings) pulumi.log.warn(`${file}: ${warning}`);
    if (pulumi.runtime.isDryRun()) {
      for (const problem of problems) reportError(`${file}: ${problem}`);
    }
    return refused;
  });
}

/**
 * A function that returns why a host is not touched; undefined: it may be touched. Adopted machines
 * are compared with each other before any host is touched. A created machine may not exist before
 * this run, so it is compared with the adopted ones once it answers.
 */
export function refusals(
  hosts: ReadonlyMap<string, NixosHost>,
  { adopted, created }: Machines,
  file: string,
): (name: string) => pulumi.Output<string | undefined> {
  const identities = (found: ReadonlyMap<string, Machine>) =>
    [...found].flatMap(([name, machine]) => {
      const host = hosts.get(name);
      return host === undefined ? [] : [[name, identityOf(host, machine)] as const];
    });
  const adoptedIdentities = identities(adopted).map(([, identity]) => identity);
  const amongAdopted = refusalsOf(adoptedIdentities, file);
  const withCreated = new Map(
    adoptedIdentities.length === 0
      ? []
      : identities(created).map(
          ([name, identity]) => [name, refusalsOf([...adoptedIdentities, identity], file)] as const,
        ),
  );
  return (name) => (withCreated.get(name) ?? amongAdopted).apply((refused) => entryOf(refused, name));
}
