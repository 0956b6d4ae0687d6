import { parseArguments } from "../../../sandbox/vendors/onepassword/arguments.ts";
import { assign, itemContent } from "../../../sandbox/vendors/onepassword/items.ts";
import { readReference } from "../../../sandbox/vendors/onepassword/references.ts";
import { parseReference } from "../../../sandbox/vendors/onepassword/seed.ts";
import type { Field, VaultFile } from "../../../sandbox/vendors/onepassword/vault-file.ts";

test("command lines", () => {
  expect(parseArguments(["item", "get", "x", "--vault=a b", "--format", "json", "-n"])).toEqual({
    words: ["item", "get", "x"],
    flags: { vault: "a b", format: "json", "no-newline": "true" },
  });
});

test("assignments add, change and delete fields", () => {
  const start: Field[] = [
    { id: "password", type: "CONCEALED", label: "password", purpose: "PASSWORD", value: "old" },
  ];
  expect(assign(start, "Password=new=er")).toEqual([{ ...start[0], value: "new=er" }]);
  expect(assign(start, "password[delete]=")).toEqual([]);
  expect(assign([], "Net.host\\.name[text]=web")).toMatchObject([
    { label: "host.name", type: "STRING", value: "web", section: { id: "net", label: "Net" } },
  ]);
  expect(() => assign(start, "nothing")).toThrow("expected field=value");
});

test("templates keep sections together with their fields", () => {
  const content = itemContent({
    title: "t",
    category: "LOGIN",
    sections: [{ id: "s", label: "S" }],
    fields: [{ id: "f", label: "F", type: "STRING", value: "v", section: { id: "s" } }],
  });
  expect(content.fields).toEqual([
    { id: "f", type: "STRING", label: "F", value: "v", section: { id: "s", label: "S" } },
  ]);
  expect(() => itemContent({ category: "LOGIN" })).toThrow("title");
});

describe("references", () => {
  const item = (id: string, title: string, fields: Field[]) => ({
    id,
    title,
    category: "LOGIN",
    version: 1,
    fields,
    created_at: "",
    updated_at: "",
  });
  const file: VaultFile = {
    version: 1,
    serviceAccounts: [],
    vaults: [
      {
        id: "v1",
        name: "Sandbox",
        description: "",
        content_version: 1,
        created_at: "",
        updated_at: "",
        items: [
          item("i1", "web", [
            { id: "credential", type: "CONCEALED", label: "credential", value: "top" },
            {
              id: "f2",
              type: "CONCEALED",
              label: "token",
              value: "inner",
              section: { id: "s", label: "API" },
            },
            { id: "notesPlain", type: "STRING", purpose: "NOTES", label: "notes", value: "text" },
          ]),
          item("i2", "twin", []),
          item("i3", "twin", []),
        ],
      },
    ],
  };

  test.each([
    ["op://sandbox/web/credential", "top"],
    ["op://v1/i1/Credential", "top"],
    ["op://Sandbox/web/api/token", "inner"],
    ["op://Sandbox/web/notesPlain", "text"],
  ])("%s", (reference, value) => {
    expect(readReference(file, reference)).toBe(value);
  });

  test.each([
    ["op://sandbox/web/none", "does not have a field 'none'"],
    ["op://sandbox/web/other/token", "does not have a field 'other.token'"],
    ["op://sandbox/none/x", "isn't an item"],
    ["op://none/web/x", "isn't a vault"],
    ["op://sandbox/twin/x", "More than one item"],
    ["web/credential", "invalid secret reference"],
  ])("%s is refused", (reference, message) => {
    expect(() => readReference(file, reference)).toThrow(message);
  });

  test("are parsed", () => {
    expect(parseReference("op://a/b c/d")).toEqual({ vault: "a", item: "b c", field: "d" });
    expect(parseReference("op://a/b/s/d")).toEqual({ vault: "a", item: "b", section: "s", field: "d" });
    for (const wrong of ["op://a/b", "a/b/c", "op://a//c", "op://a/b/c/d/e"])
      expect(() => parseReference(wrong)).toThrow(wrong);
  });
});
