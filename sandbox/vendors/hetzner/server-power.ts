import { Hono } from "hono";
import { locked } from "./errors.ts";
import { idOf } from "./listing.ts";
import { updateFilter } from "./machines.ts";
import type { Project } from "./project.ts";
import { serverOf } from "./servers.ts";
import type { ServerRow } from "./state.ts";

interface PowerVerb {
  command: string;
  /** The machine's power state after the action. */
  power: "running" | "off";
  effect(project: Project, server: ServerRow): Promise<void>;
}

/** Starts the machine with its packet filter. */
export const startUp = async (project: Project, server: ServerRow) => {
  await project.compute.powerOn(server.machine);
  await updateFilter(project, server);
};

const VERBS: Record<string, PowerVerb> = {
  poweron: { command: "start_server", power: "running", effect: startUp },
  poweroff: {
    command: "stop_server",
    power: "off",
    effect: ({ compute }, { machine }) => compute.powerOff(machine),
  },
  shutdown: {
    command: "shutdown_server",
    power: "off",
    effect: ({ compute }, { machine }) => compute.shutdown(machine),
  },
};

/** `POST /servers/{id}/actions/{poweron,poweroff,shutdown}`. */
export function serverPower(project: Project): Hono {
  const app = new Hono();
  for (const [verb, { command, power, effect }] of Object.entries(VERBS)) {
    app.post(`/servers/:id{[0-9]+}/actions/${verb}`, (context) => {
      const server = serverOf(project, idOf(context, "server"));
      if (server.phase !== null) throw locked("server");
      server.power = power;
      const resources = [{ id: server.id, type: "server" }];
      const run = () => effect(project, server);
      return context.json({ action: project.actions.start(command, resources, run, server.machine) }, 201);
    });
  }
  return app;
}
