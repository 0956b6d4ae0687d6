/**
 * Records what the real engine says in each situation, for the tests of the comment:
 * `tools/with node tests/faults/record-previews.ts [SITUATION...]`. Texts that every stack has anew stay the same in
 * one recording only, so a new recording differs in keys and ids.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { emptyAccount, SITUATIONS, stackUp, writePreview } from "./previews.ts";

const FOLDER = "tests/faults/recorded/previews";
mkdirSync(FOLDER, { recursive: true });

/** Without the checkout's commit, and without this computer's path. */
function save(name: string, text: string): void {
  const {
    commit: _commit,
    dirty: _dirty,
    ...document
  } = JSON.parse(
    text.replaceAll(process.cwd(), "/srv/infra").replaceAll(/\/tmp\/pantheros-step-\w+/g, "/srv/fleet"),
  );
  writeFileSync(`${FOLDER}/${name}.json`, `${JSON.stringify({ ...document, stack: name }, null, 1)}\n`);
  console.log(`recorded ${name}`);
}

const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
for (const [hosts, name] of [
  ["two", "create-all"],
  ["sixty", "sixty-hosts"],
] as const) {
  if (!isWanted(name)) continue;
  const empty = await emptyAccount(hosts);
  try {
    save(name, (await writePreview(empty)).text);
  } finally {
    await empty.remove();
  }
}
const world = await stackUp();
try {
  for (const { name, arrange } of SITUATIONS) {
    const words = await arrange(world);
    if (isWanted(name)) save(name, (await writePreview(world, ...words)).text);
  }
} finally {
  await world.remove();
}
