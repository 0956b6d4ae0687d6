import { isIPv4, isIPv6 } from "node:net";
import { Hono } from "hono";
import * as z from "zod";
import { labels, readBody, readNameAndLabels, resourceName } from "./body.ts";
import { conflict, notFound, notUnique } from "./errors.ts";
import { firewallsOf } from "./firewall-rules.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { updateFilter } from "./machines.ts";
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
      fault("port", "is not a port or port range");
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
const target = z.object({ type: z.literal("server"), server: z.object({ id: z.int() }) });
type Target = z.infer<typeof target>;

function firewallView(row: FirewallRow) {
  return {
    id: row.id,
    name: row.name,
    labels: row.labels,
    created: row.created,
    rules: row.rules,
    applied_to: row.servers.map((id) => ({ type: "server", server: { id } })),
  };
}

/** Checks all targets, then applies the firewall to them or removes it. */
function setTargets(state: State, row: FirewallRow, targets: Target[], attach: boolean): void {
  const ids = targets.map(({ server }) => server.id);
  for (const id of ids) {
    if (state.servers[id] === undefined)
      throw conflict("firewall_resource_not_found", `server ${id} not found`);
    if (attach && row.servers.includes(id))
      throw conflict("firewall_already_applied", "firewall is already applied to the server");
  }
  row.servers = attach
    ? [...new Set([...row.servers, ...ids])]
    : row.servers.filter((id) => !ids.includes(id));
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

  /** One action for the rules, and one for each affected server, which ends when its filter is active. */
  const enforce = (row: FirewallRow, command: string, servers: ServerRow[], always: boolean) => {
    const own = { id: row.id, type: "firewall" };
    const perServer = servers.map((affected) =>
      project.actions.start(
        command === "set_firewall_rules" ? "apply_firewall" : command,
        [{ id: affected.id, type: "server" }, own],
        async () => {
          if (state.servers[affected.id] !== undefined && affected.phase === null)
            await updateFilter(project, affected);
        },
        affected.machine,
      ),
    );
    return always ? [project.actions.start(command, [own]), ...perServer] : perServer;
  };
  const serversOf = (row: FirewallRow) =>
    Object.values(state.servers).filter((each) => firewallsOf(state, each).includes(row));

  app.get("/firewalls", (context) =>
    answerPage(context, "firewalls", selectRows(context, all()).map(firewallView)),
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
    };
    setTargets(state, row, body.apply_to ?? [], true);
    state.firewalls[row.id] = row;
    const actions = [
      ...enforce(row, "set_firewall_rules", [], true),
      ...enforce(row, "apply_firewall", serversOf(row), false),
    ];
    return context.json({ firewall: firewallView(row), actions }, 201);
  });

  app.get("/firewalls/:id{[0-9]+}", (context) =>
    context.json({ firewall: firewallView(find(idOf(context, "firewall"))) }),
  );

  app.put("/firewalls/:id{[0-9]+}", async (context) => {
    const row = find(idOf(context, "firewall"));
    await readNameAndLabels(context, row, nameFree);
    return context.json({ firewall: firewallView(row) });
  });

  app.delete("/firewalls/:id{[0-9]+}", (context) => {
    const row = find(idOf(context, "firewall"));
    if (row.servers.length > 0) throw conflict("resource_in_use", "firewall is still in use");
    delete state.firewalls[row.id];
    return context.body(null, 204);
  });

  app.post("/firewalls/:id{[0-9]+}/actions/set_rules", async (context) => {
    const row = find(idOf(context, "firewall"));
    row.rules = (await readBody(context, z.object({ rules: rulesBody }))).rules;
    return context.json({ actions: enforce(row, "set_firewall_rules", serversOf(row), true) }, 201);
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
      const before = serversOf(row);
      setTargets(state, row, targets, attach);
      const after = serversOf(row);
      const changed = attach
        ? after.filter((each) => !before.includes(each))
        : before.filter((each) => !after.includes(each));
      return context.json({ actions: enforce(row, command, changed, changed.length === 0) }, 201);
    });
  }

  return app;
}
