/** Items between the program's spelling and the one of `op`. */
import { randomUUID } from "node:crypto";
import { number, text, texts } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";

export const itemId = (item: Properties): string =>
  `vaults/${text(object(item["vault"])["id"])}/items/${text(item["id"])}`;

export function parseItemId(id: string): { vault: string; item: string } {
  const [, vault, item] = /^vaults\/([^/]+)\/items\/([^/]+)$/.exec(id) ?? [];
  if (vault === undefined || item === undefined)
    throw new Error(`"${id}" is no item id such as vaults/VAULT/items/ITEM`);
  return { vault, item };
}

/** Without a section, a field's meaning is in its label. */
const BY_LABEL: Record<string, string> = {
  username: "username",
  password: "password",
  hostname: "hostname",
  server: "hostname",
  database: "database",
  port: "port",
  type: "type",
  "public key": "publicKey",
  "private key": "privateKey",
};

const BY_PURPOSE: Record<string, string> = { USERNAME: "username", PASSWORD: "password", NOTES: "noteValue" };

/** The named values of an item: username, password, credential and so on. */
export function namedFields(item: Properties): Properties {
  const named: Properties = {};
  for (const field of objects(item["fields"])) {
    const name =
      BY_PURPOSE[text(field["purpose"])] ??
      (field["section"] === undefined ? BY_LABEL[text(field["label"])] : undefined);
    if (name !== undefined) named[name] = text(field["value"]);
    if (field["id"] === "credential" && item["category"] === "API_CREDENTIAL")
      named["credential"] = text(field["value"]);
  }
  return named;
}

export function sectionsOf(item: Properties): Properties[] {
  return objects(item["sections"]).map((section) => ({
    id: text(section["id"]),
    label: text(section["label"]),
    fields: objects(item["fields"])
      .filter((field) => object(field["section"])["id"] === section["id"])
      .map((field) => ({
        id: text(field["id"]),
        label: text(field["label"]),
        purpose: text(field["purpose"]),
        type: text(field["type"]),
        value: text(field["value"]),
      })),
  }));
}

export function commonOf(item: Properties): Properties {
  const url = objects(item["urls"]).find((one) => one["primary"] === true);
  return {
    uuid: text(item["id"]),
    vault: text(object(item["vault"])["id"]),
    title: text(item["title"]),
    category: text(item["category"]).toLowerCase(),
    tags: texts(item["tags"]),
    ...(url ? { url: text(url["href"] ?? url["url"]) } : {}),
    ...namedFields(item),
  };
}

interface Recipe {
  length: number;
  characterSets: string[];
}

export function recipeOf(value: Json | undefined): Recipe | undefined {
  if (value === undefined || value === null) return undefined;
  const given = object(value);
  const sets = ["letters", "digits", "symbols"].filter((set) => given[set] !== false);
  return { length: number(given["length"] ?? 32), characterSets: sets.map((set) => set.toUpperCase()) };
}

/** The argument of --generate-password: templates on stdin can't ask for one. */
export const recipeArgument = ({ length, characterSets }: Recipe): string =>
  [...characterSets, length].join(",");

interface Field {
  id: string;
  label: string;
  type: string;
  purpose?: string;
}

const NOTES: Field = { id: "notesPlain", label: "notesPlain", type: "STRING", purpose: "NOTES" };
const FIELDS: Record<string, [Field, string][]> = {
  login: [
    [{ id: "username", label: "username", type: "STRING", purpose: "USERNAME" }, "username"],
    [{ id: "password", label: "password", type: "CONCEALED", purpose: "PASSWORD" }, "password"],
    [NOTES, "noteValue"],
  ],
  password: [
    [{ id: "password", label: "password", type: "CONCEALED", purpose: "PASSWORD" }, "password"],
    [NOTES, "noteValue"],
  ],
  database: [
    [{ id: "username", label: "username", type: "STRING" }, "username"],
    [{ id: "password", label: "password", type: "CONCEALED" }, "password"],
    [{ id: "hostname", label: "hostname", type: "STRING" }, "hostname"],
    [{ id: "database", label: "database", type: "STRING" }, "database"],
    [{ id: "port", label: "port", type: "STRING" }, "port"],
    [{ id: "database_type", label: "type", type: "MENU" }, "type"],
    [NOTES, "noteValue"],
  ],
  secure_note: [[NOTES, "noteValue"]],
};

export const CATEGORIES = Object.keys(FIELDS);

/** The JSON for `op item create -` and `op item edit`. */
export function itemBody(inputs: Properties, uuid?: string): Properties {
  const category = text(inputs["category"]) || "login";
  const fields: Properties[] = (FIELDS[category] ?? []).map(([field, input]) => ({
    ...field,
    value: text(inputs[input]),
  }));
  const sections = objects(inputs["sections"]).map((section) => ({
    id: text(section["id"]) || randomUUID(),
    label: text(section["label"]),
    given: objects(section["fields"]),
  }));
  for (const { id, given } of sections) {
    for (const field of given) {
      fields.push({
        section: { id },
        ...(text(field["id"]) === "" ? {} : { id: text(field["id"]) }),
        label: text(field["label"]),
        type: text(field["type"]) || "STRING",
        ...(text(field["purpose"]) === "" ? {} : { purpose: text(field["purpose"]) }),
        value: text(field["value"]),
      });
    }
  }
  return {
    ...(uuid === undefined ? {} : { id: uuid }),
    title: text(inputs["title"]),
    vault: { id: text(inputs["vault"]) },
    category: category.toUpperCase(),
    urls: text(inputs["url"]) === "" ? [] : [{ primary: true, href: text(inputs["url"]) }],
    tags: texts(inputs["tags"]),
    fields,
    sections: sections.map(({ id, label }) => ({ id, label })),
  };
}

/** A password is generated when none is given, for the categories that have one. */
export function generated(inputs: Properties): string | undefined {
  const has = (FIELDS[text(inputs["category"]) || "login"] ?? []).some(([, input]) => input === "password");
  const recipe = recipeOf(inputs["passwordRecipe"]);
  return has && recipe && text(inputs["password"]) === "" ? recipeArgument(recipe) : undefined;
}
