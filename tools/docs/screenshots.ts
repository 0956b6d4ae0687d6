/**
 * Writes the pictures of the control centre's pages: `node tools/docs/screenshots.ts [DIRECTORY]`, by default
 * docs/screenshots. They show the example fleet at a fixed moment, so that they change only when the pages do.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { startBrowser } from "./browser.ts";
import { startExampleCentre } from "./example-centre.ts";
import { exampleFleet } from "./example-fleet.ts";

interface Shot {
  readonly file: string;
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly scheme: "light" | "dark";
}

const SHOTS: readonly Shot[] = [
  { file: "fleet.png", path: "/", width: 1100, height: 720, scheme: "light" },
  { file: "fleet-dark-narrow.png", path: "/", width: 360, height: 740, scheme: "dark" },
  { file: "host.png", path: "/hosts/db", width: 1100, height: 720, scheme: "light" },
  { file: "topology.png", path: "/topology", width: 1160, height: 720, scheme: "light" },
  { file: "recovery.png", path: "/recovery", width: 1100, height: 620, scheme: "light" },
  { file: "budgets.png", path: "/budgets", width: 1100, height: 720, scheme: "dark" },
];

const directory = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, "../../docs/screenshots"));
mkdirSync(directory, { recursive: true });
const centre = await startExampleCentre(exampleFleet());
const browser = await startBrowser();
try {
  for (const { file, path: page, width, height, scheme } of SHOTS) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    const tab = await context.newPage();
    await tab.goto(centre.newLink());
    await tab.waitForURL(`${centre.address}/`);
    await tab.goto(centre.address + page);
    await tab.screenshot({ path: path.join(directory, file) });
    console.log(path.join(directory, file));
    await context.close();
  }
} finally {
  await browser.close();
  await centre.close();
}
