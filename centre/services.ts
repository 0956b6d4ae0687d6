/** What routes share: everything that a page or an answer is made from. */

import type { SelfMeasured } from "../status/budgets.ts";
import type { Access } from "./access/access.ts";
import type { Door } from "./access/door.ts";
import type { Sessions } from "./access/sessions.ts";
import type { loadAssets } from "./assets/assets.ts";
import type { Collector } from "./collector.ts";
import type { Rehearsals } from "./rehearsals.ts";
import type { RunHistory } from "./runs/history.ts";
import type { Database } from "./store/database.ts";

export interface Services extends Access {
  readonly collector: Collector;
  readonly sessions: Sessions;
  readonly database: Database;
  readonly door: Door;
  /** The results of rehearsed recoveries, read at each call. */
  readonly rehearsals: () => Rehearsals;
  readonly measureSelf: () => SelfMeasured;
  readonly runs: RunHistory;
  readonly assets: ReturnType<typeof loadAssets>;
  /** Values of the header Host that are answered; any other is a page of somebody else that names this address. */
  readonly hosts: () => readonly string[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
