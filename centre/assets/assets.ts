/**
 * The files of the pages, in memory. Each address has the sum of the content, so that a browser keeps a file for good
 * and takes a new one at once.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

export interface Asset {
  readonly type: string;
  readonly content: string;
}

const MORPH = path.join(import.meta.dirname, "../../node_modules/idiomorph/dist/idiomorph.esm.js");

const read = (name: string): string => readFileSync(path.join(import.meta.dirname, name), "utf8");
const script = "text/javascript; charset=utf-8";

const addressOf = (name: string, content: string): string => {
  const sum = createHash("sha256").update(content).digest("hex").slice(0, 16);
  return `/assets/${sum}/${name}`;
};

/** The files by their addresses, and the addresses that pages name. */
export function loadAssets(): {
  readonly files: ReadonlyMap<string, Asset>;
  readonly style: string;
  readonly script: string;
  readonly icon: string;
} {
  const css = read("centre.css");
  const svg = read("icon.svg");
  const morph = readFileSync(MORPH, "utf8");
  const morphAddress = addressOf("idiomorph.js", morph);
  const js = read("centre.js").replace("./idiomorph.js", morphAddress);
  const style = addressOf("centre.css", css);
  const icon = addressOf("icon.svg", svg);
  const scriptAddress = addressOf("centre.js", js);
  return {
    style,
    script: scriptAddress,
    icon,
    files: new Map([
      [style, { type: "text/css; charset=utf-8", content: css }],
      [icon, { type: "image/svg+xml", content: svg }],
      [scriptAddress, { type: script, content: js }],
      [morphAddress, { type: script, content: morph }],
    ]),
  };
}
