/** What decides over a request and writes down what is done; shared by all doors of one control centre. */
import { type Actor, NO_ACTOR } from "../acts/actor.ts";
import { type Act, ActRunner } from "../acts/runner.ts";
import { AuditLog } from "../audit/log.ts";
import type { Collector } from "../collector.ts";
import type { Database } from "../store/database.ts";
import { type Guard, guard as usualGuard } from "./identity.ts";
import { Tokens } from "./tokens.ts";

export interface Access {
  readonly audit: AuditLog;
  readonly acts: ActRunner;
  readonly tokens: Tokens;
  readonly guard: Guard;
}

export interface AccessOptions {
  readonly database: Database;
  readonly collector: Collector;
  /** By default nothing can be done. */
  readonly actor?: Actor;
  /** Prints a line of the audit log, for a service's journal. */
  readonly print?: (line: string) => void;
  readonly report?: (line: string) => void;
  readonly guard?: Guard;
  readonly now?: () => number;
}

export function openAccess({ database, collector, ...options }: AccessOptions): Access {
  const { actor = NO_ACTOR, print, report, guard = usualGuard, now = Date.now } = options;
  const audit = new AuditLog({
    database,
    now,
    ...(print !== undefined && { print }),
    ...(report !== undefined && { report }),
  });
  const changed = ({ result }: Act) => {
    // An act changes what hosts run.
    if (result !== undefined) void collector.refresh();
  };
  const hosts = () => collector.snapshot.fleet?.status.hosts;
  return {
    audit,
    acts: new ActRunner({ actor, audit, hosts, changed, guard, now }),
    tokens: new Tokens(database, now),
    guard,
  };
}
