/** The life-cycle operations of the table: the states before, and the one edit. */
import { ADOPTED_ONLY, edit, WITH_DB, WITH_WEB } from "./fleet.ts";
import { readRecords, recordsOf } from "./record/compute.ts";
import type { World } from "./world.ts";

export interface Operation {
  readonly name: string;
  /**
   * Of the inventory: `sandbox` is disposable; elsewhere machines and data are left alone
   * (docs/operations.md).
   */
  readonly environment: "sandbox" | "staging";
  /** Inventories that were applied before, one after another. */
  readonly before: readonly string[];
  /** The inventory of the operation, or `destroy`. */
  readonly after: string | ((world: World) => string);
}

export const DESTROY = "destroy";

const WEB_TABLE = /\n\[hosts\.web\][\s\S]*$/;
const withoutWeb = edit(WITH_WEB, WEB_TABLE, "\n");
const retire = (fleet: string, word: "keep" | "delete"): string =>
  edit(fleet, "[hosts.web]\n", `[hosts.web]\ndecommission = "${word}"\n`);
/** The host with every table that names it. */
const renamed = (fleet: string): string =>
  edit(fleet.replaceAll('host = "db"', 'host = "data"'), "[hosts.db]\n", '[hosts.data]\nformerly = "db"\n');

const RECORDS_BEFORE = `
[[dns.records]]
name = "txt"
type = "TXT"
content = "first"

[[dns.records]]
name = "txt"
type = "TXT"
content = "second"

[[dns.records]]
name = "old"
type = "CNAME"
content = "elsewhere.example.com"

[[dns.records]]
name = "_sip._tcp"
type = "SRV"
content = "10 5 5060 sip.example.com"
`;
const RECORDS_AFTER = `
[[dns.records]]
name = "txt"
type = "TXT"
content = "second"

[[dns.records]]
name = "txt"
type = "TXT"
content = "third"

[[dns.records]]
name = "old"
type = "A"
content = "192.0.2.7"

[[dns.records]]
name = "mail"
type = "MX"
content = "mx.example.com"
priority = 10

[[dns.records]]
name = "_sip._tcp"
type = "SRV"
content = "20 5 5061 sip.example.com"

[[dns.records]]
name = "mail"
type = "CAA"
content = "0 issue letsencrypt.org"
`;
const MORE_BUCKETS = `
[buckets.media]
environment = "ENVIRONMENT"
purpose = "backups"
name = "faults-media"
expire_days = 90
noncurrent_days = 7
`;

function reinstalled(world: World): string {
  const machine = readRecords(recordsOf(world.directory))["db"]?.["machine-id"];
  return edit(WITH_DB, 'server_type = "cx23"', `server_type = "cx23", reinstall = "${machine}"`);
}

export const OPERATIONS: readonly Operation[] = [
  { name: "first up", environment: "sandbox", before: [], after: WITH_DB },
  { name: "add a host", environment: "sandbox", before: [WITH_DB], after: WITH_WEB },
  { name: "rename a host", environment: "sandbox", before: [WITH_DB], after: renamed(WITH_DB) },
  {
    name: "resize a host",
    environment: "sandbox",
    before: [WITH_DB],
    after: edit(WITH_DB, 'server_type = "cx23"', 'server_type = "cx33"'),
  },
  {
    name: "move a host to another environment",
    environment: "staging",
    before: [WITH_WEB],
    after: edit(WITH_WEB, /(\[hosts\.web\]\nenvironment = ")ENVIRONMENT/, "$1production"),
  },
  {
    name: "decommission and keep",
    environment: "staging",
    before: [WITH_WEB],
    after: retire(WITH_WEB, "keep"),
  },
  {
    name: "decommission and delete, first run",
    environment: "staging",
    before: [WITH_WEB],
    after: retire(WITH_WEB, "delete"),
  },
  {
    name: "decommission and delete, second run",
    environment: "staging",
    before: [WITH_WEB, retire(WITH_WEB, "delete")],
    after: withoutWeb,
  },
  { name: "take a disposable host out", environment: "sandbox", before: [WITH_WEB], after: withoutWeb },
  { name: "reinstall a host", environment: "sandbox", before: [WITH_DB], after: reinstalled },
  {
    name: "edit DNS records",
    environment: "sandbox",
    before: [ADOPTED_ONLY + RECORDS_BEFORE],
    after: ADOPTED_ONLY + RECORDS_AFTER,
  },
  {
    name: "edit buckets",
    environment: "sandbox",
    before: [ADOPTED_ONLY],
    after: edit(ADOPTED_ONLY, "noncurrent_days = 30", "noncurrent_days = 14") + MORE_BUCKETS,
  },
  { name: "destroy", environment: "sandbox", before: [WITH_DB], after: DESTROY },
];
