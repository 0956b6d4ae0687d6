/** Chromium, driven by Playwright. */
import { type Browser, chromium } from "playwright-core";
import { findBrowser } from "../toolchain/browser.ts";

/**
 * Starts the machine's own browser, without a window.
 * @throws Error when there is none on PATH, or it does not start
 */
export function startBrowser(): Promise<Browser> {
  const program = findBrowser();
  if (program === undefined) {
    throw new Error("no Chromium or Chrome is on PATH; as root on Debian, tools/setup sandbox installs it");
  }
  return chromium.launch({
    executablePath: program,
    // Chromium refuses to start its own sandbox as root.
    chromiumSandbox: process.getuid?.() !== 0,
    // The shared memory of a container is often too small.
    args: ["--disable-dev-shm-usage", "--font-render-hinting=none", "--disable-lcd-text"],
  });
}
