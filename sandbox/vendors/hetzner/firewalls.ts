import { isIPv4, isIPv6 } from "node:net";
import { Hono } from "hono";
import { z } from "zod";
import { labels, readBody, readNameAndLabels, resourceName } from "./body.ts";
import { conflict, notFound, notUnique } from "./errors.ts";
import { firewallsOf } from "./firewall-rules.ts";
import { matchesSelector } from "./labels.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { refilter } from "./machines.ts";
import { newId, type Project, timestamp } from "./project.ts";
import type { FirewallRow, RuleRow, ServerRow, State } from "./state.ts";

const cidr = z.string().refine((text) => {
  const [address = "", bits = ""] = text.split("/");
  return (
    /^\d+$/.test(bits) &&
    ((isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128))
  );
}, "must be an IP range in CIDR notation");

const ruleBody = z
  .object({
    direction: z.enum(["in", "out"]),
    protocol: z.enum(["tcp", "udp", "icmp", "esp", "gre"]),
    port: z.string().nullish(),
    source_ips: z.array(cidr).max(100).nullish(),
    destination_ips: z.array(cidr).max(100).nullish(),
    description: z.string().max(255).nullish(),
  })
  .superRefine((rule, context) => {
    const fault = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const ported = rule.protocol === "tcp" || rule.protocol === "udp";
    if (ported !== (rule.port != null))
      fault("port", ported ? "is required for tcp and udp" : "must not be set");
    if (rule.port != null && !/^(any|\d{1,5}(-\d{1,5})?)$/.test(rule.port))
      fault("port", "is no port or port range");
    const [needed, other] =
      rule.direction === "in"
        ? (["source_ips", "destination_ips"] as const)
        : (["destination_ips", "source_ips"] as const);
    if ((rule[needed] ?? []).length === 0) fault(needed, `is required for direction ${rule.direction}`);
    if ((rule[other] ?? []).length > 0) fault(other, `must be empty for direction ${rule.direction}`);
  })
  .transform(
    (rule): RuleRow => ({
      direction: rule.direction,
      protocol: rule.protocol,
      port: rule.port ?? null,
      source_ips: rule.source_ips ?? [],
      destination_ips: rule.destination_ips ?? [],
      description: rule.description ?? null,
    }),
  );

const rulesBody = z.array(ruleBody).max(50);
const target = z.union([
  z.object({ type: z.literal("server"), server: z.object({ id: z.int() }) }),
  z.object({ type: z.literal("label_selector"), label_selector: z.object({ selector: z.string() }) }),
]);
type Target = z.infer<typeof target>;

const server = (id: number) => ({ type: "server", server: { id } });

export function firewallView(state: State, row: FirewallRow) {
  const matching = (selector: string) =>
    Object.values(state.servers).filter((candidate) => matchesSelector(candidate.labels, selector));
  return {
    id: row.id,
    name: row.name,
    labels: row.labels,
    created: row.created,
    rules: row.rules,
    applied_to: [
      ...row.servers.map(server),
      ...row.selectors.map((selector) => ({
        type: "label_selector",
        label_selector: { selector },
        applied_to_resources: matching(selector).map((candidate) => server(candidate.id)),
      })),
    ],
  };
}

/** Puts targets on a firewall or takes them off, after checking all of them. */
function setTargets(state: State, row: FirewallRow, targets: Target[], attach: boolean): void {
  for (const item of targets) {
    if (item.type === "server" && state.servers[item.server.id] === undefined) {
      throw conflict("firewall_resource_not_found", `server ${item.server.id} not found`);
    }
    const applied = item.type === "server" && row.servers.includes(item.server.id);
    if (attach && applied)
      throw conflict("firewall_already_applied", "firewall is already applied to the server");
  }
  for (const item of targets) {
    const [list, value]: [(number | string)[], number | string] =
      item.type === "server" ? [row.servers, item.server.id] : [row.selectors, item.label_selector.selector];
    const at = list.indexOf(value);
    if (attach && at < 0) list.push(value);
    if (!attach && at >= 0) list.splice(at, 1);
  }
}

export function firewalls(project: Project): Hono {
  const app = new Hono();
  const { state } = project;
  const all = () => Object.values(state.firewalls);
  const find = (id: number): FirewallRow => {
    const row = state.firewalls[id];
    if (row === undefined) throw notFound("firewall", id);
    return row;
  };
  const nameFree = (name: string, except?: number) => {
    if (all().some((row) => row.name === name && row.id !== except))
      throw notUnique("name", "name is already used");
  };

  /** One action for the rules, one for each server that the change reaches; it ends when the filter is in force. */
  const enforce = (row: FirewallRow, command: string, servers: ServerRow[], always: boolean) => {
    const own = { id: row.id, type: "firewall" };
    const perServer = servers.map((affected) =>
      project.actions.start(
        command === "set_firewall_rules" ? "apply_firewall" : command,
        [{ id: affected.id, type: "server" }, own],
        async () => {
          if (state.servers[affected.id] !== undefined && affected.phase === null)
            await refilter(project, affected);
        },
        affected.machine,
      ),
    );
    return always ? [project.actions.start(command, [own]), ...perServer] : perServer;
  };
  const reached = (row: FirewallRow) =>
    Object.values(state.servers).filter((each) => firewallsOf(state, each).includes(row));

  app.get("/firewalls", (context) =>
    answerPage(
      context,
      "firewalls",
      selectRows(context, all()).map((row) => firewallView(state, row)),
    ),
  );

  app.post("/firewalls", async (context) => {
    const schema = z.object({
      name: resourceName,
      labels: labels.nullish(),
      rules: rulesBody.nullish(),
      apply_to: z.array(target).nullish(),
    });
    const body = await readBody(context, schema);
    nameFree(body.name);
    const row: FirewallRow = {
      id: newId(state),
      name: body.name,
      labels: body.labels ?? {},
      created: timestamp(),
      rules: body.rules ?? [],
      servers: [],
      selectors: [],
    };
    setTargets(state, row, body.apply_to ?? [], true);
    state.firewalls[row.id] = row;
    const actions = [
      ...enforce(row, "set_firewall_rules", [], true),
      ...enforce(row, "apply_firewall", reached(row), false),
    ];
    return context.json({ firewall: firewallView(state, row), actions }, 201);
  });

  app.get("/firewalls/:id{[0-9]+}", (context) =>
    context.json({ firewall: firewallView(state, find(idOf(context, "firewall"))) }),
  );

  app.put("/firewalls/:id{[0-9]+}", async (context) => {
    const row = find(idOf(context, "firewall"));
    await readNameAndLabels(context, row, nameFree);
    return context.json({ firewall: firewallView(state, row) });
  });

  app.delete("/firewalls/:id{[0-9]+}", (context) => {
    const row = find(idOf(context, "firewall"));
    if (row.servers.length + row.selectors.length > 0)
      throw conflict("resource_in_use", "firewall is still in use");
    delete state.firewalls[row.id];
    return context.body(null, 204);
  });

  app.post("/firewalls/:id{[0-9]+}/actions/set_rules", async (context) => {
    const row = find(idOf(context, "firewall"));
    row.rules = (await readBody(context, z.object({ rules: rulesBody }))).rules;
    return context.json({ actions: enforce(row, "set_firewall_rules", reached(row), true) }, 201);
  });

  for (const [verb, field, command, attach] of [
    ["apply_to_resources", "apply_to", "apply_firewall", true],
    ["remove_from_resources", "remove_from", "remove_firewall", false],
  ] as const) {
    app.post(`/firewalls/:id{[0-9]+}/actions/${verb}`, async (context) => {
      const row = find(idOf(context, "firewall"));
      const targets = (await readBody(context, z.object({ [field]: z.array(target).min(1) })))[
        field
      ] as Target[];
      const before = reached(row);
      setTargets(state, row, targets, attach);
      const after = reached(row);
      const changed = attach
        ? after.filter((each) => !before.includes(each))
        : before.filter((each) => !after.includes(each));
      return context.json({ actions: enforce(row, command, changed, changed.length === 0) }, 201);
    });
  }

  return app;
}
