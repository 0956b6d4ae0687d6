/** An act from a browser's form, with and without JavaScript. Without Chromium or Chrome on PATH it is skipped. */
import { source as axeSource } from "axe-core";
import type { Browser } from "playwright-core";
import type { Actor } from "../../../centre/acts/actor.ts";
import { type RunningCentre, serveCentre } from "../../../centre/serve.ts";
import { startBrowser } from "../../../tools/docs/browser.ts";
import { findBrowser } from "../../../tools/toolchain/browser.ts";
import { fleetOf, hostOf, store, testDatabase, testHistory } from "./fixtures.ts";

const HAS_BROWSER = findBrowser() !== undefined;
const testInBrowser = HAS_BROWSER ? test : test.skip;

let browser: Browser;
let running: RunningCentre | undefined;
beforeAll(async () => {
  if (HAS_BROWSER) browser = await startBrowser();
});
afterEach(async () => {
  await running?.close();
  running = undefined;
});
afterAll(() => browser?.close());

const actor: Actor = {
  unavailable: () => undefined,
  perform: (_request, _by, progress) => {
    progress("a step");
    return Promise.resolve({ ok: true, detail: "web runs the system before" });
  },
  differences: (hosts) =>
    Promise.resolve(
      hosts.map((host) => ({
        host,
        from: store("a", host),
        to: store("b", host),
        lines: ["caddy 2.9.1 -> 2.8.4"],
      })),
    ),
  journal: () => Promise.resolve(`${"a line of the journal ".repeat(40)}\n`.repeat(5)),
};

testInBrowser.each([
  { script: true, width: 1400, scheme: "light" as const },
  { script: true, width: 360, scheme: "dark" as const },
  { script: false, width: 360, scheme: "dark" as const },
])(
  "a rollback from its form to its result and the audit log: script $script, $width px, $scheme",
  async ({ script, width, scheme }) => {
    const database = testDatabase();
    running = await serveCentre({
      read: () => Promise.resolve(fleetOf(hostOf({ name: "web", failedUnits: ["hello.service"] }))),
      database,
      runs: testHistory(database).directory,
      port: 0,
      actor,
    });
    const context = await browser.newContext({
      javaScriptEnabled: script,
      colorScheme: scheme,
      viewport: { width, height: 800 },
    });
    try {
      const page = await context.newPage();
      const check = async () => {
        // Without scripts no timer of axe fires.
        if (script) {
          await page.evaluate(axeSource);
          const found = await page.evaluate<string[]>(
            "axe.run(document).then(({ violations }) => violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id }) => id))",
          );
          expect([page.url(), found]).toEqual([page.url(), []]);
        }
        const wider = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        expect([page.url(), wider]).toEqual([page.url(), 0]);
      };
      const address = `http://127.0.0.1:${running.port}`;
      await page.goto(running.newLink());
      await page.waitForURL(`${address}/`);
      await page.goto(`${address}/hosts/web`);
      await check();
      await page.getByRole("link", { name: "Roll back and pin", exact: true }).click();
      expect(await page.textContent("main")).toContain("caddy 2.9.1 -> 2.8.4");
      await check();
      await page.getByLabel(/Reason/).fill("it leaks");
      await page.getByLabel(/Host web goes back/).check();
      await page.getByRole("button", { name: "Roll back and pin" }).click();
      await page.waitForURL(/\/acts\/[0-9a-f-]+$/);
      await page.getByText("web runs the system before").waitFor();
      await check();
      await page.goto(`${address}/audit`);
      expect(await page.textContent("main")).toContain("it leaks");
      await check();
      await page.goto(`${address}/hosts/web/journal?unit=hello.service`);
      await check();
      await page.goto(`${address}/tokens`);
      await page.getByLabel("Name").fill("ci");
      await page.getByLabel(/status\.read/).check();
      await page.getByRole("button", { name: "Make a token" }).click();
      expect(await page.textContent("main")).toMatch(/pantheros_[\w-]{43}/);
      await check();
      await page.getByRole("button", { name: "Revoke ci" }).click();
      expect(await page.textContent("main")).toContain("revoked");
    } finally {
      await context.close();
    }
  },
);
