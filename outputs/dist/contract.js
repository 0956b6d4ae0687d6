"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.stackOutputs = exports.SCHEMA_VERSION = void 0;
const z = require("zod");
/**
 * The outputs of a stack, for other teams. Within one `schemaVersion` fields are only added. An
 * absent field is unknown or does not exist; no field is null. `schema.v1.json` is the JSON Schema of
 * it. See README.md.
 */
exports.SCHEMA_VERSION = 1;
const healthResult = z.object({
    name: z.string().describe("Name of the check in the inventory"),
    ok: z.boolean(),
    detail: z.string().optional().describe("What the check found"),
});
const provenance = z.object({
    commit: z.string().optional().describe("Commit that the runner deployed from"),
    dirty: z.boolean().optional().describe("Whether its checkout had uncommitted changes"),
    by: z.string().optional().describe("Who ran the deploy, according to the runner"),
    at: z.string().describe("When the host committed the system, by its own clock (RFC 3339)"),
    closure: z.string().describe("Store path that was committed"),
    previous: z.string().optional().describe("Store path that was committed before"),
});
const hostOutputs = z.object({
    addresses: z.object({
        ipv4: z.string().optional(),
        ipv6: z.string().optional(),
        tailnet: z.string().optional().describe("Name inside the tailnet"),
    }),
    hostKey: z.string().optional().describe("Public SSH host key, type and base64: pin it"),
    closure: z.string().optional().describe("Store path of the running system, according to the host"),
    generation: z.int().optional().describe("Generation of the system profile"),
    wanted: z
        .string()
        .optional()
        .describe("Store path of the system that the last run deployed, or would have deployed"),
    booted: z.string().optional().describe("Store path of the system that the host booted"),
    wave: z.int().optional().describe("Wave in which the host is deployed to; the lowest one is first"),
    reachability: z
        .enum(["always", "best-effort"])
        .optional()
        .describe("always: a run fails when this host does not converge; best-effort: it may be off"),
    health: z.array(healthResult),
    outcome: z
        .enum(["confirmed", "staged", "rolled-back", "held", "offline", "failed"])
        .optional()
        .describe("How the last deploy ended. confirmed: the host runs the wanted system; staged: it does so after its next reboot; otherwise it does not"),
    reason: z.string().optional().describe("Why the outcome is not confirmed"),
    step: z.string().optional().describe("Step of the deploy that failed"),
    hint: z.string().optional().describe("What may correct the failure"),
    seconds: z
        .record(z.string(), z.number())
        .optional()
        .describe("Duration of the last deploy's steps in seconds, step -> seconds"),
    pinned: z
        .string()
        .optional()
        .describe("Store path at which the host is pinned, instead of the flake's system"),
    provenance: provenance.optional().describe("Origin of the committed system"),
});
const approval = z.object({
    by: z.string().describe("User of the inventory who signed it"),
    reason: z.string(),
    expires: z.string().describe("When it ceases to count (RFC 3339)"),
});
const confirmedTree = z.object({
    tree: z.string(),
    commit: z.string().optional(),
    since: z.string().describe("When every always reachable host had confirmed it (RFC 3339)"),
    until: z.string().describe("When a run with a different tree began to replace it (RFC 3339)"),
});
const revision = z.object({
    commit: z.string().optional().describe("Commit of the checkout that the last run deployed from"),
    tree: z.string().optional().describe("Git's id of the flake's directory in that commit"),
    dirty: z.boolean().optional().describe("Whether the directory had changes that the tree does not contain"),
    converged: z
        .boolean()
        .describe("Whether every always reachable host runs its system of this revision, confirmed in the last run"),
    since: z
        .string()
        .optional()
        .describe("Since when it has been converged at this tree, by the runner's clock (RFC 3339)"),
    earlier: z.array(confirmedTree).optional().describe("Trees that were converged before, the newest first"),
    approval: approval.optional().describe("Approval with which this tree was deployed before its time"),
});
const cost = z.object({
    monthly: z
        .number()
        .describe("Price of a month of the stack's servers, addresses, volumes and backups, net"),
    currency: z.string().describe("ISO 4217, such as EUR"),
});
const retiredOutputs = z.object({
    addresses: z.object({ ipv4: z.string().optional(), ipv6: z.string().optional() }),
    server: z
        .enum(["kept", "unprotected"])
        .describe("kept: the server keeps its disk; unprotected: the next run deletes it"),
});
const serviceOutputs = z.object({
    url: z.string().describe("Its address, on the internet or inside the tailnet"),
    host: z.string(),
    public: z.boolean(),
});
const recordOutputs = z.object({
    name: z.string(),
    type: z.string(),
    content: z.string().describe("In zone file form"),
    proxied: z.boolean(),
});
const bucketOutputs = z.object({ name: z.string(), endpoint: z.string(), region: z.string() });
exports.stackOutputs = z
    .object({
    schemaVersion: z.literal(exports.SCHEMA_VERSION),
    environment: z.string().optional().describe("Environment of the inventory that the stack owns"),
    revision: revision.optional().describe("What the last run deployed, and whether it is confirmed"),
    cost: cost.optional().describe("What the stack costs at its vendors, as far as their prices are known"),
    hosts: z.record(z.string(), hostOutputs),
    services: z.record(z.string(), serviceOutputs),
    dns: z.object({ zone: z.string().optional(), records: z.array(recordOutputs) }),
    buckets: z.record(z.string(), bucketOutputs),
    cache: z.object({
        url: z.string().optional().describe("Nix substituter"),
        publicKey: z.string().optional().describe("Nix public key, name:base64"),
    }),
    retired: z
        .record(z.string(), retiredOutputs)
        .optional()
        .describe("Servers of decommissioned hosts that still exist: without names and deploys, behind a closed firewall"),
})
    .describe("Outputs of a PantherOS stack, version 1. No value in it is secret.");
