/** The measured process of bench/centre.ts: a control centre with 100 hosts and 10,000 past deploys, until it is ended. */
import type { Database } from "../../centre/store/database.ts";
import { startExampleCentre } from "../../tools/docs/example-centre.ts";
import { largeFleet } from "../../tools/docs/example-fleet.ts";

const HOSTS = 100;
const DEPLOYS = 10_000;
const START = Date.parse("2025-01-01T00:00:00Z");

function addDeploys(database: Database): void {
  const sql = `INSERT INTO deploy (host, at, outcome, closure, "by", "commit", dirty) VALUES (?, ?, ?, ?, ?, ?, 0)`;
  const closure = `/nix/store/${"a".repeat(32)}-nixos-system-node-26.05`;
  database.write(() => {
    for (let at = 0; at < DEPLOYS; at += 1) {
      const host = `node-${String((at % HOSTS) + 1).padStart(2, "0")}`;
      const time = new Date(START + at * 60_000).toISOString();
      database.run(sql, host, time, "confirmed", closure, "ci", "4be1f0a98c5512d0");
    }
  });
}

const centre = await startExampleCentre(largeFleet(HOSTS), addDeploys);
process.stdout.write(`${JSON.stringify({ address: centre.address, link: centre.newLink() })}\n`);
process.once("SIGTERM", async () => {
  await centre.close();
  process.exit(0);
});
