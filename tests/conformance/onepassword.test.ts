import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { seedVault } from "../../sandbox/vendors/onepassword/seed.ts";
import { run } from "./vendors.ts";

/** Command lines of the official Terraform provider v2.1.2 (internal/onepassword/cli/op.go) and of users. */
describe("op", () => {
  const dir = mkdtempSync(join(tmpdir(), "vault-"));
  const vault = join(dir, "vault.json");
  const token = "ops_conformance";
  const env = {
    PANTHEROS_VAULT: vault,
    OP_SERVICE_ACCOUNT_TOKEN: token,
    PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
  };
  const op = (args: string[], options: { env?: NodeJS.ProcessEnv; input?: string } = {}) =>
    run(["sandbox/vendors/onepassword/op", ...args], {
      input: options.input ?? "",
      env: { ...env, ...options.env },
    });
  const provider = async <T>(args: string[], input?: object): Promise<T> => {
    const options = { env: { OP_FORMAT: "json", OP_INTEGRATION_NAME: "terraform-provider" } };
    const result = await op(
      args,
      input === undefined ? options : { ...options, input: JSON.stringify(input) },
    );
    expect(result).toMatchObject({ code: 0, stderr: "" });
    return JSON.parse(result.stdout) as T;
  };
  interface Shown {
    id: string;
    version: number;
    vault: { id: string };
    fields: { label: string; value?: string; purpose?: string }[];
  }
  let vaultId = "";

  beforeAll(async () => {
    const seed = {
      vault: "sandbox",
      item: "web service account",
      field: "credential",
      value: () => "ops_web",
    };
    expect(seedVault(vault, token, ["sandbox"], [seed])).toBe(1);
    expect(seedVault(vault, token, ["sandbox"], [{ ...seed, value: () => "another" }])).toBe(0);
    vaultId = (await provider<{ id: string; name: string }[]>(["vault", "list"]))[0]?.id ?? "";
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  test("is new enough for JSON on stdin, and its file has mode 600", async () => {
    const [major, minor] = (await op(["--version"])).stdout.split(".").map(Number);
    expect([major, (minor ?? 0) >= 23]).toEqual([2, true]);
    expect(statSync(vault).mode & 0o777).toBe(0o600);
  });

  test("the provider creates, reads, edits and deletes items", async () => {
    const item = {
      title: "database",
      vault: { id: vaultId },
      category: "LOGIN",
      tags: ["pantheros"],
      fields: [
        { id: "username", label: "username", type: "STRING", purpose: "USERNAME", value: "app" },
        {
          id: "password",
          label: "password",
          type: "CONCEALED",
          purpose: "PASSWORD",
          value: "s3cret",
        },
        { id: "", label: "port", type: "STRING", value: "5432", section: { id: "s1" } },
      ],
      sections: [{ id: "s1", label: "Connection" }],
    };
    const made = await provider<Shown>(["item", "create", "-"], item);
    expect(made.vault.id).toBe(vaultId);
    expect(made.fields.find(({ purpose }) => purpose === "PASSWORD")?.value).toBe("s3cret");
    expect(await provider<Shown>(["item", "get", made.id, `--vault=${vaultId}`])).toEqual(made);
    expect((await provider<Shown>(["item", "get", "database", `--vault=${vaultId}`])).id).toBe(made.id);
    expect((await op(["read", "op://sandbox/database/Connection/port"])).stdout).toBe("5432\n");

    const fields = [
      { id: "username", label: "username", type: "STRING", purpose: "USERNAME", value: "admin" },
    ];
    const edited = await provider<Shown>(["item", "edit", made.id, `--vault=${vaultId}`], {
      ...item,
      id: made.id,
      fields,
    });
    expect(edited).toMatchObject({ id: made.id, version: 2 });
    expect(edited.fields).toHaveLength(1);
    await op(["item", "delete", made.id, `--vault=${vaultId}`]);
    const gone = await op(["item", "get", made.id, `--vault=${vaultId}`]);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toMatch(
      new RegExp(
        `^\\[ERROR\\] \\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d "${made.id}" isn't an item in the "${vaultId}" vault\\.`,
      ),
    );
  });

  test("accepts assignments and flags", async () => {
    expect(
      (
        await op([
          "item",
          "create",
          "--category",
          "password",
          "--title",
          "note",
          "--vault",
          "sandbox",
          "password=x",
          "More.hint[text]=h",
        ])
      ).code,
    ).toBe(0);
    expect((await op(["item", "list", "--vault", "sandbox"])).stdout).toContain('"title": "note"');
    expect((await op(["item", "list", "--vault", "sandbox"])).stdout).not.toContain('"x"');
    expect((await op(["read", "-n", "op://sandbox/note/more/hint"])).stdout).toBe("h");
  });

  test("fails with 1Password's messages and exit code 1", async () => {
    const failure = async (args: string[], more: NodeJS.ProcessEnv = {}) => {
      const { code, stdout, stderr } = await op(args, { env: more });
      expect([code, stdout]).toEqual([1, ""]);
      return stderr.replace(/^\[ERROR\] \S+ \S+ /, "").trim();
    };
    const client = "error initializing client";
    expect(await failure(["vault", "list"], { OP_SERVICE_ACCOUNT_TOKEN: "ops_wrong" })).toContain(
      `${client}: (401) Unauthorized`,
    );
    expect(await failure(["vault", "list"], { OP_SERVICE_ACCOUNT_TOKEN: "wrong" })).toContain(
      "failed to session.DecodeSACredentials",
    );
    expect(await failure(["read", "op://nowhere/x/y"])).toBe(
      `could not read secret 'op://nowhere/x/y': "nowhere" isn't a vault in this account. Specify the vault with its ID or name.`,
    );
    expect(await failure(["read", "op://sandbox/x/y"])).toContain(
      'could not get item sandbox/x: "x" isn\'t an item',
    );
    expect(await failure(["read", "op://sandbox/note/y"])).toContain(
      "item 'sandbox/note' does not have a field 'y'",
    );
  });

  test("concurrent writes all succeed", async () => {
    const titles = Array.from({ length: 6 }, (_, number) => `parallel-${number}`);
    const made = await Promise.all(
      titles.map((title) =>
        op(["item", "create", "--category", "password", "--title", title, "--vault", "sandbox"]),
      ),
    );
    expect(made.map(({ code }) => code)).toEqual(titles.map(() => 0));
    const items = await provider<{ title: string }[]>(["item", "list"]);
    expect(items.map(({ title }) => title)).toEqual(expect.arrayContaining(titles));
  });
});
