import { loadInventory } from "../../inventory/load.ts";
import { evaluate } from "../unit/nix/nix.ts";
import { evaluatedHosts } from "./written.ts";

const inventory = loadInventory("nix/fleet.toml");
const hosts = evaluatedHosts();
const theme = (
  evaluate('import (nix + "/lib/theme.nix")') as {
    dark: { terminal: string[]; background: string; names: Record<string, string> };
  }
).dark;

test("Home Manager configures people on workstations, and nobody on servers", () => {
  for (const { name, home } of hosts) {
    const workstation = inventory.hosts[name]?.profiles.includes("workstation") === true;
    const people = Object.entries(inventory.users)
      .filter(([, user]) => user.hosts === "all" || user.hosts.includes(name))
      .map(([person]) => person);
    expect([name, Object.keys(home)]).toEqual([name, workstation ? people : []]);
  }
});

const homes = hosts.flatMap(({ name, home }) =>
  Object.entries(home).map(([person, files]) => ({ name, person, files })),
);

for (const { name, person, files } of homes)
  describe(`${person} on ${name}`, () => {
    const text = (file: string) => {
      const found = files[file];
      if (found === undefined) throw new Error(`no ${file}; there are ${Object.keys(files).join(", ")}`);
      return found;
    };

    test("Git has the name and address of the inventory, and makes none up", () => {
      const git = JSON.parse(text("git")) as { user: Record<string, unknown> };
      const known = inventory.users[person];
      expect(git.user).toEqual({ name: known?.description, email: known?.email, useConfigOnly: true });
    });

    test("terminal and editors have the colours of the theme", () => {
      const ghostty = JSON.parse(text("ghostty/settings")) as { palette: string[]; background: string };
      expect(ghostty.palette).toEqual(theme.terminal.map((colour, index) => `${index}=${colour}`));
      expect(ghostty.background).toBe(theme.background);
      expect(text("neovim")).toContain(`colorscheme("${theme.names["neovim"]}")`);
      expect(JSON.parse(text("bat"))).toMatchObject({ theme: theme.names["bat"] });
      expect(JSON.parse(text("helix/settings"))).toMatchObject({ theme: theme.names["helix"] });
      expect(JSON.parse(text("zed/settings"))).toMatchObject({
        theme: theme.names["zed"],
        telemetry: { diagnostics: false, metrics: false },
      });
    });

    test("the assistant shares nothing, does not replace itself, and asks before it acts", () => {
      expect(JSON.parse(text("assistant"))).toMatchObject({
        autoupdate: false,
        share: "disabled",
        permission: { edit: "ask", bash: "ask", webfetch: "ask" },
      });
    });

    test("every tool of the documents is there, and programs start Zed as the editor", () => {
      const tools = JSON.parse(text("tools")) as Record<string, boolean>;
      expect(Object.entries(tools).filter(([, on]) => !on)).toEqual([]);
      expect(Object.keys(tools).length).toBeGreaterThan(10);
      expect(JSON.parse(text("variables"))).toMatchObject({ EDITOR: "zeditor --wait" });
    });
  });
