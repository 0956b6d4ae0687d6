/** preview.json and the comment, from the real engine: no secret, and the same bytes each time. */
import { readFileSync, writeFileSync } from "node:fs";
import { renderComment } from "../../preview/comment/render.ts";
import { secretsOf } from "../../preview/reduce.ts";
import { drift, setSystems, stackUp, writePreview } from "./previews.ts";
import type { World } from "./world.ts";

jest.setTimeout(15 * 60_000);

let world: World;
beforeAll(async () => {
  world = await stackUp();
  drift(world, "198.51.100.20");
  setSystems(world, { db: "2", web: "1", legacy: "1" });
});
afterAll(() => world?.remove());

const PLAIN = "plain-before-it-became-secret";
const PLANTED = "planted-secret-of-the-vault";

interface Secret {
  readonly [key: string]: unknown;
}

/** Makes a secret input of a resource plain in the state, as if it had become secret in this change. */
function unsecret(end: string, input: string): void {
  const file = world.file("pulumi/.pulumi/stacks/pantheros/faults.json");
  const state = JSON.parse(readFileSync(file, "utf8")) as {
    checkpoint: { latest: { resources: { urn: string; inputs?: Secret; outputs?: Secret }[] } };
  };
  const resource = state.checkpoint.latest.resources.find(({ urn }) => urn.endsWith(`::${end}`));
  if (resource === undefined) throw new Error(`no resource ${end}`);
  resource.inputs = { ...resource.inputs, [input]: PLAIN };
  resource.outputs = { ...resource.outputs, [input]: PLAIN };
  writeFileSync(file, JSON.stringify(state));
}

test("two previews of one commit give the same bytes", async () => {
  const first = await writePreview(world);
  const second = await writePreview(world);
  expect([first.code, first.code === 0 ? "" : first.output]).toEqual([0, ""]);
  expect(second.text).toBe(first.text);
  // As pull requests run it: without a violation the policy pack changes nothing.
  const packed = await writePreview(world, "--policy-pack", "policy/pack");
  expect([packed.code, packed.text]).toEqual([0, first.text]);
  expect(renderComment([second.document])).toBe(renderComment([first.document]));
  expect(
    first.document.hosts.map(({ host, action, drift: drifted }) => [host, action, drifted ?? false]),
  ).toEqual([
    ["db", "deploy", false],
    ["legacy", "deploy", true],
    ["web", "nothing", false],
  ]);
  expect(first.output).toContain("wave 1  db: switch; a different system is wanted");
});

test("no secret, planted or real, is in the document, the comment or what the command prints", async () => {
  // A new value for a secret that hosts read, and an old plain value in the state.
  const vault = world.file("vault.json");
  const before = JSON.parse(readFileSync(vault, "utf8")) as {
    vaults: { items: { title: string; fields?: { value?: string }[] }[] }[];
  };
  const values = before.vaults.flatMap(({ items }) =>
    items.flatMap(({ fields = [] }) => fields.flatMap(({ value }) => (value === undefined ? [] : [value]))),
  );
  expect(values.length).toBeGreaterThan(0);
  const read = values.find((value) => value.length >= 8) ?? "";
  writeFileSync(vault, readFileSync(vault, "utf8").replaceAll(JSON.stringify(read), JSON.stringify(PLANTED)));
  unsecret("secrets-item-tailnet-db", "password");
  const { document, text, output } = await writePreview(world);
  const item = document.changes.find(({ name }) => name === "secrets-item-tailnet-db");
  expect(item?.fields).toEqual([
    expect.objectContaining({ path: "password", before: "[secret]", after: "[secret]" }),
  ]);
  const keys = ["keys/deploy", "keys/signing-key"].map((file) =>
    readFileSync(world.file(file), "utf8").trim(),
  );
  const secrets = [
    PLAIN,
    PLANTED,
    ...keys,
    ...secretsOf(world.env),
    ...values.filter((value) => value.length >= 8),
  ];
  const comment = renderComment([document], { maxBytes: Number.MAX_SAFE_INTEGER });
  for (const secret of secrets) {
    expect([
      secret.slice(0, 4),
      text.includes(secret),
      comment.includes(secret),
      output.includes(secret),
    ]).toEqual([...[secret.slice(0, 4), false, false, false]]);
  }
});

test("a mandatory finding is in the document of the preview that it stops", async () => {
  const file = world.file("fleet.toml");
  const valid = readFileSync(file, "utf8");
  writeFileSync(file, valid.replace('sources = ["198.51.100.1/32"]', 'sources = ["0.0.0.0/0"]'));
  try {
    const { code, document } = await writePreview(world);
    expect(code).not.toBe(0);
    expect(document.findings).toContainEqual(
      expect.objectContaining({ rule: "ssh-not-public", level: "mandatory" }),
    );
    expect(document.changes).toEqual([]);
    expect(renderComment([document])).toContain("### Policy: mandatory");
  } finally {
    writeFileSync(file, valid);
  }
});
