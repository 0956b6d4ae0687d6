/** The pictures of `make screenshots` are small, and each one is shown. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

const DIRECTORY = "docs/screenshots";
const MAX_BYTES = 150_000;

test("each picture is small, shown in docs/control-centre.md, and drawn by the script", () => {
  const files = readdirSync(DIRECTORY).sort();
  const page = readFileSync("docs/control-centre.md", "utf8");
  const shown = [...page.matchAll(/\]\(screenshots\/([^)]+)\)/g)].map(([, file]) => file).sort();
  const script = readFileSync("tools/docs/screenshots.ts", "utf8");
  const drawn = [...script.matchAll(/file: "([^"]+)"/g)].map(([, file]) => file).sort();
  expect(shown).toEqual(files);
  expect(drawn).toEqual(files);
  for (const file of files)
    expect([file, statSync(path.join(DIRECTORY, file)).size < MAX_BYTES]).toEqual([file, true]);
});
