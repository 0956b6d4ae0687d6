/** Converts items between the program's spelling and that of `op`. */
import { text, texts } from "../framework/resource.ts";
import { object, objects, type Properties } from "../framework/values.ts";

export const itemId = (item: Properties): string =>
  `vaults/${text(object(item["vault"])["id"])}/items/${text(item["id"])}`;

export function parseItemId(id: string): { vault: string; item: string } {
  const [, vault, item] = /^vaults\/([^/]+)\/items\/([^/]+)$/.exec(id) ?? [];
  if (vault === undefined || item === undefined)
    throw new Error(`"${id}" is not an item id such as vaults/VAULT/items/ITEM`);
  return { vault, item };
}

/** Outputs of fields outside sections, by label. */
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
function namedFields(item: Properties): Properties {
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
  const url = objects(item["urls"]).find(({ primary }) => primary === true);
  return {
    uuid: text(item["id"]),
    vault: text(object(item["vault"])["id"]),
    title: text(item["title"]),
    category: text(item["category"]).toLowerCase(),
    tags: texts(item["tags"]),
    ...(url && { url: text(url["href"] ?? url["url"]) }),
    ...namedFields(item),
  };
}

/** The JSON for `op item create -` and `op item edit`. */
export function itemBody(inputs: Properties, uuid?: string): Properties {
  const password = { id: "password", label: "password", type: "CONCEALED", purpose: "PASSWORD" };
  return {
    ...(uuid !== undefined && { id: uuid }),
    title: text(inputs["title"]),
    vault: { id: text(inputs["vault"]) },
    category: text(inputs["category"]).toUpperCase(),
    urls: [],
    tags: texts(inputs["tags"]),
    fields: [{ ...password, value: text(inputs["password"]) }],
    sections: [],
  };
}
