/** The browser of the tests and screenshots of the control centre. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Chromium and its relatives, which Playwright drives the same way. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"] as const;

/** The path of the first program on PATH; undefined: there is none. */
export function findBrowser(): string | undefined {
  const script = 'for name; do command -v "$name" && exit; done';
  const { stdout } = spawnSync("sh", ["-c", script, "sh", ...PROGRAMS], { encoding: "utf8" });
  return stdout.split("\n")[0] || undefined;
}

/** Ubuntu's package of this name only starts snap, which containers lack. */
export const isDebian = (osRelease: string): boolean => /^ID="?debian"?$/m.test(osRelease);

/** The packages that set-up installs for a browser: none where one is found, or where no package has it. */
export function browserPackages(): string[] {
  if (findBrowser() !== undefined) return [];
  try {
    return isDebian(readFileSync("/etc/os-release", "utf8")) ? ["chromium"] : [];
  } catch {
    return [];
  }
}
