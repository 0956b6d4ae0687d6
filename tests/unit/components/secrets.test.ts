import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { secretsArgs } from "../../../components/secrets/mapping.ts";
import { warnMissingItems } from "../../../components/secrets/missing-items.ts";
import { fieldOf, parseReference, vaultProblem } from "../../../components/secrets/reference.ts";
import { Secrets, type SecretsArgs } from "../../../components/secrets/secrets.ts";
import { loadInventory } from "../../../inventory/load.ts";
import { planFor } from "../../../inventory/plan.ts";
import { record, resolved } from "../mocks.ts";

const args: SecretsArgs = {
  stack: "sandbox",
  vault: "fleet",
  requests: [
    { host: "web", name: "opnix-token", reference: "op://fleet/web service account/credential" },
    { host: "web", name: "smtp", reference: "op://fleet/web service account/mail/Password" },
    { host: "db", name: "opnix-token", reference: "op://abcdefghijklmnopqrstuvwxyz/db/password" },
  ],
  stored: [
    { key: "tailnet-db", title: "tailnet key db", value: "tskey-PLANTED-db" },
    { key: "tailnet-web", title: "tailnet key web", value: "tskey-PLANTED-web" },
  ],
};
const item = {
  credential: "PLANTED-credential",
  password: "PLANTED-password",
  sections: [{ label: "mail", fields: [{ label: "password", value: "PLANTED-mail" }] }],
};
const functions = {
  "onepassword:index/getVault:getVault": ({ name }: Record<string, unknown>) => ({
    uuid: `id-of-${name}`,
    name,
  }),
  "onepassword:index/getItem:getItem": (inputs: Record<string, unknown>) => ({ ...item, ...inputs }),
};
const build = (more: Partial<SecretsArgs> = {}, preview = false) =>
  record(() => new Secrets("secrets", { ...args, ...more }), { functions, preview });

describe("reading", () => {
  test("every value is secret, and the component sends no plain text", async () => {
    const { recording, result } = await build();
    const values = args.requests.map(({ host, name }) => result.secretFor(host, name));
    for (const value of values) expect(await pulumi.isSecret(value)).toBe(true);
    expect(await Promise.all(values.map(resolved))).toEqual([
      "PLANTED-credential",
      "PLANTED-mail",
      "PLANTED-password",
    ]);
    expect(recording.plainText()).not.toContain("PLANTED");
  });

  test("in previews too, with the values", async () => {
    const { result } = await build({}, true);
    const value = result.secretFor("web", "opnix-token");
    expect(await pulumi.isSecret(value)).toBe(true);
  });

  test("reads each vault and item once; a vault's id needs no query", async () => {
    const { recording } = await build();
    const ofVendor = recording.calls.filter(({ token }) => token.startsWith("onepassword:"));
    expect(ofVendor.map(({ token, inputs }) => [token.split(":").at(-1), inputs])).toEqual([
      ["getVault", { name: "fleet" }],
      ["getItem", { vault: "abcdefghijklmnopqrstuvwxyz", title: "db" }],
      ["getItem", { vault: "id-of-fleet", title: "web service account" }],
    ]);
  });

  test("a secret that was not requested is undefined", async () => {
    const { result } = await build();
    expect(() => result.secretFor("db", "smtp")).toThrow('secret "smtp" was not requested for host "db"');
  });

  test("the provider has no token", async () => {
    const { recording } = await build();
    expect(recording.named("secrets-vault").inputs).toEqual({});
    const { recording: other } = await build({ opCliPath: "/opt/op" });
    expect(other.named("secrets-vault").inputs).toEqual({ opCliPath: "/opt/op" });
  });
});

describe("writing", () => {
  test("items are passwords in the vault, one after the other", async () => {
    const { recording } = await build();
    const first = recording.named("secrets-item-tailnet-db");
    const second = recording.named("secrets-item-tailnet-web");
    expect(second.inputs).toEqual({
      vault: "id-of-fleet",
      title: "tailnet key web",
      category: "password",
      password: "tskey-PLANTED-web",
      tags: ["pantheros", "sandbox"],
    });
    expect(recording.isSecret("secrets-item-tailnet-web", "password")).toBe(true);
    expect(second.dependencies).toContain(first.urn);
    expect(first.parent).toBe(recording.named("secrets").urn);
    expect(first.provider).toContain(recording.named("secrets-vault").urn);
  });
});

describe("references", () => {
  test.each<[string, string, RegExp]>([
    [
      "a deleted item",
      `op item get: exit 1: "web" isn't an item in the "fleet" vault`,
      /: op item get: .*; only you have this value: restore the item.*nix\/fleet\.toml$/,
    ],
    ["no credentials", "Invalid credentials: set a token", /; set OP_SERVICE_ACCOUNT_TOKEN to the token /],
    ["a wrong token", "op vault list: exit 1: (401) Unauthorized", /; set OP_SERVICE_ACCOUNT_TOKEN to the/],
    [
      "no CLI",
      "/nowhere/op --version: spawn /nowhere/op ENOENT",
      /; install the 1Password CLI, or set OP_CLI_PATH/,
    ],
    ["another failure", "op vault list: exit 1: timed out", /: op vault list: exit 1: timed out$/],
  ])("%s: the provider's own words come first, and the remedy last", (_, words, expected) => {
    const sdk = "invocation of onepassword:index/getVault:getVault returned an error: ";
    const problem = vaultProblem('vault "fleet"', new Error(`${sdk}${words}`));
    expect(problem).toMatch(/^1Password: vault "fleet": /);
    expect(problem).toMatch(expected);
    expect(problem).not.toContain("invocation");
  });

  test("are parsed", () => {
    expect(parseReference("op://v/i/f")).toEqual({ vault: "v", item: "i", field: "f" });
    expect(parseReference("op://v/i/s/f")).toEqual({ vault: "v", item: "i", section: "s", field: "f" });
  });

  test.each(["", "op://", "op://v/i", "op://v/i/", "op://v//f", "op://v/i/s/f/x", "https://v/i/f"])(
    "%j is refused",
    (text) => {
      expect(() => parseReference(text)).toThrow("not a secret reference");
    },
  );

  test.each<[string, Parameters<typeof fieldOf>[0], string, string]>([
    ["built in", { username: "u" }, "op://v/i/username", "u"],
    ["notes", { noteValue: "n" }, "op://v/i/notesPlain", "n"],
    ["a key", { privateKey: "k" }, "op://v/i/private key", "k"],
    ["own field", { sections: [{ fields: [{ label: "Token", value: "t" }] }] }, "op://v/i/token", "t"],
    ["own field by id", { sections: [{ fields: [{ id: "x1", value: "t" }] }] }, "op://v/i/x1", "t"],
    [
      "own before empty built in",
      { password: "", sections: [{ fields: [{ label: "password", value: "own" }] }] },
      "op://v/i/password",
      "own",
    ],
    [
      "the section's, not the item's",
      {
        password: "item",
        sections: [
          { label: "a", fields: [{ label: "password", value: "a" }] },
          { label: "b", fields: [{ label: "password", value: "b" }] },
        ],
      },
      "op://v/i/b/password",
      "b",
    ],
  ])("find %s", (_, fields, reference, value) => {
    expect(fieldOf(fields, reference)).toBe(value);
  });

  test.each([
    [{ password: "PLANTED" }, "op://v/i/token"],
    [{ password: "" }, "op://v/i/password"],
    [{ password: "PLANTED" }, "op://v/i/section/password"],
  ])("name themselves and no value when there is nothing", (fields, reference) => {
    let message = "";
    try {
      fieldOf(fields, reference);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(reference);
    expect(message).not.toContain("PLANTED");
  });
});

test("the inventory's secrets and the tailnet keys map to requests and items", () => {
  const mapped = secretsArgs(planFor(loadInventory("sandbox/nix/fleet.toml"), "sandbox"), "sandbox", {
    web: "k",
    db: "k",
  });
  expect(mapped.vault).toBe("sandbox");
  expect(mapped.requests).toContainEqual({
    host: "web",
    name: "opnix-token",
    reference: "op://sandbox/web service account/credential",
  });
  expect(mapped.stored?.map(({ key, title }) => [key, title])).toEqual([
    ["tailnet-db", "tailnet key db"],
    ["tailnet-web", "tailnet key web"],
  ]);
});

test("only vault.ts calls 1Password's functions, since they do not mark what they return", () => {
  const files = (directory: string): string[] =>
    readdirSync(directory).flatMap((name) => {
      const path = join(directory, name);
      return statSync(path).isDirectory() ? files(path) : [path];
    });
  const callers = ["components", "deployer", "clients", "lib", "outputs", "settings", "inventory"]
    .flatMap(files)
    .filter((path) => /\bget(Item|Vault)(Output)?\(/.test(readFileSync(path, "utf8")));
  expect(callers).toEqual(["components/secrets/vault.ts"]);
});

test("only an item that is to be deleted and is missing causes a warning, with the command to run", async () => {
  const warned = jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
  const inState = (key: string) => [
    `urn:pulumi:s::p::pantheros:secrets:Secrets$onepassword:index/item:Item::secrets-item-${key}`,
    { type: "onepassword:index/item:Item", outputs: { vault: "v1", uuid: key } },
  ];
  const answers = {
    "pulumi:pulumi:readStackResourceOutputs": () => ({
      outputs: Object.fromEntries(["tailnet-db", "gone", "there"].map(inState)),
    }),
  };
  const queries: string[] = [];
  const vault = {
    isGone: async (id: string, uuid: string) => {
      queries.push(`${id}/${uuid}`);
      return uuid !== "there";
    },
  };
  const wanted = new Set(["secrets-item-tailnet-db"]);
  try {
    await record(
      () => pulumi.output(warnMissingItems(vault, { stack: "sandbox", prefix: "secrets-item-", wanted })),
      { functions: answers },
    );
    expect(queries.sort()).toEqual(["v1/gone", "v1/there"]);
    expect(warned.mock.calls.map(([text]) => text)).toEqual([
      expect.stringMatching(/^1Password: .* secrets-item-gone, .* tools\/pantheros recover --stack sandbox /),
    ]);
  } finally {
    warned.mockRestore();
  }
});
