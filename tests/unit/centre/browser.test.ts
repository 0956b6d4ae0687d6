/**
 * The pages in a browser: light and dark, narrow and wide, by keyboard only, with and without JavaScript. Without Chromium or
 * Chrome on PATH they are skipped.
 */
import { source as axeSource } from "axe-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { startBrowser } from "../../../tools/docs/browser.ts";
import { type ExampleCentre, startExampleCentre } from "../../../tools/docs/example-centre.ts";
import { calmFleet, exampleFleet, fleetOfHosts, largeFleet } from "../../../tools/docs/example-fleet.ts";
import { EXAMPLE_RUN, RUN_BEGUN, RUN_ENDED } from "../../../tools/docs/example-runs.ts";
import { findBrowser } from "../../../tools/toolchain/browser.ts";

const HAS_BROWSER = findBrowser() !== undefined;
const describeInBrowser = HAS_BROWSER ? describe : describe.skip;

const NARROW = { width: 360, height: 740 };
const WIDE = { width: 1400, height: 900 };

let browser: Browser;
let centre: ExampleCentre;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  if (HAS_BROWSER)
    [browser, centre] = await Promise.all([startBrowser(), startExampleCentre(exampleFleet())]);
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  await centre?.show(exampleFleet());
});
afterAll(async () => {
  await browser?.close();
  await centre?.close();
});

interface Look {
  readonly size?: { readonly width: number; readonly height: number };
  readonly scheme?: "light" | "dark";
  readonly script?: boolean;
}

/** A page of a signed-in person, and what the browser complained about. */
async function signIn({ size = WIDE, scheme = "light", script = true }: Look = {}) {
  const context = await browser.newContext({
    viewport: size,
    colorScheme: scheme,
    javaScriptEnabled: script,
  });
  contexts.push(context);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(centre.newLink());
  // The page behind the link leads on by itself.
  await page.waitForURL(`${centre.address}/`);
  return { page, complaints, go: (path: string) => page.goto(centre.address + path) };
}

/** What axe finds serious or critical, with the elements. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const found = await page.evaluate<{ id: string; impact: string | null; nodes: { html: string }[] }[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
  );
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** Pixels by which the page is wider than the window. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

const names = (page: Page): Promise<string[]> =>
  page.locator('table.hosts th[scope="row"] a').allTextContents();

const PAGES = [
  "/",
  "/?q=nothing",
  "/hosts/db",
  "/hosts/web-1",
  "/hosts/none",
  "/topology",
  "/recovery",
  "/budgets",
  "/runs",
  "/audit",
  "/tokens",
];

describeInBrowser("in a browser", () => {
  test.each([
    ["light", "360 px", NARROW],
    ["dark", "360 px", NARROW],
    ["light", "1400 px", WIDE],
    ["dark", "1400 px", WIDE],
  ] as const)(
    "%s, %s: no page scrolls sideways, breaks a rule of axe or logs an error",
    async (scheme, _, size) => {
      const { page, complaints, go } = await signIn({ scheme, size });
      for (const path of PAGES) {
        await go(path);
        expect([path, await overflow(page)]).toEqual([path, 0]);
        expect([path, await violations(page)]).toEqual([path, []]);
      }
      // The browser itself reports the page that does not exist.
      expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    },
  );

  test("axe finds a text that cannot be read", async () => {
    const { page, go } = await signIn();
    await go("/");
    await page.evaluate("document.querySelector('h1').style.color = '#eee'");
    expect(await violations(page)).toEqual([expect.stringContaining("color-contrast: <h1")]);
  });

  test("by keyboard: the skip link is first, every stop is visible, and Enter leads on", async () => {
    const { page, go } = await signIn();
    await go("/");
    const focused = () =>
      page.evaluate<{ text: string; outline: number; visible: boolean }>(`(() => {
        const element = document.activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        return {
          text: element === document.body ? "BODY" : element.textContent.trim() || element.getAttribute("name") || element.tagName,
          outline: outlineStyle === "none" ? 0 : Number.parseFloat(outlineWidth),
          visible: box.width > 0 && box.left >= 0 && box.right <= innerWidth,
        };
      })()`);
    const seen: string[] = [];
    for (let stop = 0; stop < 60; stop += 1) {
      await page.keyboard.press("Tab");
      const { text, outline, visible } = await focused();
      if (text === "BODY" || seen.includes(text)) break;
      seen.push(text);
      expect({ text, outline: outline >= 2, visible }).toEqual({ text, outline: true, visible: true });
    }
    expect(seen[0]).toBe("Skip to the content");
    const inOrder = ["Fleet", "q", "Show", "db", "mail", "web-1"].map((text) => seen.indexOf(text));
    expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
    expect(inOrder).not.toContain(-1);

    await go("/");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.getByRole("searchbox").focus();
    await page.keyboard.type("@web");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=%40web/);
    expect(await names(page)).toEqual(["web-1", "web-2"]);
    await page.getByRole("link", { name: "web-2" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/hosts\/web-2/);
  });

  test("a change shows without a reload, and leaves focus and a half typed search", async () => {
    const { page, complaints, go } = await signIn();
    await go("/");
    await page.evaluate("globalThis.isSamePage = true");
    const before = await names(page);
    expect(before[0]).toBe("db");
    await page.getByRole("searchbox").focus();
    await page.keyboard.type("half");
    await centre.show(calmFleet());
    await page.getByText("No host of 6 needs attention.").waitFor();
    expect(await names(page)).not.toContain("db");
    expect(await page.evaluate("globalThis.isSamePage")).toBe(true);
    expect(await page.getByRole("searchbox").inputValue()).toBe("half");
    expect(await page.evaluate("document.activeElement.name")).toBe("q");
    expect(complaints).toEqual([]);
  });

  test("a run is followed to its end without a reload, and a reload without JavaScript shows the same", async () => {
    await centre.record(EXAMPLE_RUN, RUN_BEGUN);
    const { page, complaints, go } = await signIn({ size: NARROW });
    const address = `/runs/${EXAMPLE_RUN}`;
    await go(address);
    await page.evaluate("globalThis.isSamePage = true");
    const gate = page.getByRole("row", { name: /^gate/ });
    await gate.getByText("activate").waitFor();
    const reason = "the check postgres failed 3 times";
    expect(await page.locator("main").textContent()).not.toContain(reason);
    await centre.record(EXAMPLE_RUN, RUN_ENDED);
    await page.getByText(reason).first().waitFor();
    expect(await gate.textContent()).toContain("confirmed");
    expect(await page.evaluate("globalThis.isSamePage")).toBe(true);
    expect([await overflow(page), await violations(page), complaints]).toEqual([0, [], []]);
    const plain = await signIn({ script: false });
    await plain.go(address);
    const text = async (shown: Page) =>
      ((await shown.locator("main").textContent()) ?? "").replace(/\s+/g, " ");
    expect(await plain.page.locator("main").textContent()).toContain(reason);
    await page.setViewportSize(WIDE);
    expect(await text(page)).toBe(await text(plain.page));
  });

  test("an open page says when the control centre ends", async () => {
    const other = await startExampleCentre(exampleFleet());
    try {
      const context = await browser.newContext();
      contexts.push(context);
      const page = await context.newPage();
      await page.goto(other.newLink());
      await page.waitForURL(`${other.address}/`);
    } finally {
      await other.close();
    }
    await contexts[0]?.pages()[0]?.getByText("Not connected: this page does not change.").waitFor();
  });

  test("without JavaScript a reload shows the change, and search and states work", async () => {
    const { page, go } = await signIn({ script: false });
    await go("/");
    expect(await page.locator("noscript").textContent()).toContain("Reload it to see the newest state.");
    await centre.show(calmFleet());
    expect(await names(page)).toContain("db");
    await page.reload();
    expect(await names(page)).not.toContain("db");
    await centre.show(exampleFleet());
    await page.getByRole("searchbox").fill("@web");
    await page.getByRole("button", { name: "Show" }).click();
    expect(await names(page)).toEqual(["web-1", "web-2"]);
    await go("/");
    await page.getByRole("link", { name: "rolled-back 1" }).click();
    expect(await names(page)).toEqual(["db"]);
  });

  test("sixty hosts fit both widths", async () => {
    await centre.show(largeFleet(60));
    for (const size of [NARROW, WIDE]) {
      const { page, go } = await signIn({ size });
      await go("/");
      expect([size.width, await overflow(page), (await names(page)).length]).toEqual([size.width, 0, 60]);
      // On a narrow screen a row is a card: no column is squeezed.
      const box = await page.locator('table.hosts th[scope="row"]').first().boundingBox();
      expect(box?.width).toBeGreaterThan(200);
    }
  });

  test("what a hostile host says becomes no element, and breaks no layout", async () => {
    const hostile = `</td></table><script>document.title="taken"</script><img src=x onerror=alert(1)>\u001b[2J\u202e${"w".repeat(5000)}`;
    const [first, ...others] = exampleFleet().details;
    if (first === undefined) throw new Error("the example has no host");
    await centre.show(
      fleetOfHosts([
        {
          ...first,
          status: { ...first.status, detail: hostile, running: hostile, failedUnits: [hostile, hostile] },
          reason: hostile,
          health: [{ name: hostile, ok: false, detail: hostile }],
          deployed: { at: hostile, by: hostile, commit: hostile },
          phase: hostile,
          kernel: hostile,
          bootedKernel: "b",
          services: [{ name: hostile, url: hostile, public: true }],
          names: [{ name: hostile, type: hostile, content: hostile }],
        },
        ...others,
      ]),
    );
    for (const size of [NARROW, WIDE]) {
      const { page, complaints, go } = await signIn({ size });
      for (const path of ["/", "/hosts/db"]) {
        await go(path);
        expect([path, size.width, await overflow(page)]).toEqual([path, size.width, 0]);
        expect(await page.locator("main script, main img").count()).toBe(0);
        expect(await page.title()).toMatch(/PantherOS$/);
        const text = await page.locator("main").textContent();
        for (const control of ["\u001b", "\u202e"]) expect(text).not.toContain(control);
      }
      expect(complaints).toEqual([]);
    }
  });
});
