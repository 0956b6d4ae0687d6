import { messageOf } from "../../../lib/message-of.ts";
import { type Invocation, type Plugin, type Property, type Resource, text } from "../framework/resource.ts";
import type { Properties } from "../framework/values.ts";
import { commonOf, itemBody, itemId, parseItemId, sectionsOf } from "./item.ts";
import { Op } from "./op.ts";

const properties: Record<string, Property> = {
  vault: { type: "string", required: true, replace: true },
  category: { type: "string", required: true, replace: true },
  title: { type: "string" },
  password: { type: "string", secret: true },
  tags: { type: "list", set: true, default: [] },
};

/** Outputs of an item; as in the official plugin, fields without a value are absent. */
const stateOf = (item: Properties): Properties => {
  const filled = Object.entries(commonOf(item)).filter(([, value]) => value !== "");
  return { ...Object.fromEntries(filled), sections: sectionsOf(item) };
};

/** Runs a command; the error of a failure has the official provider's words. */
async function withItemError<Result>(
  verb: string,
  { vault, item: uuid }: { vault: string; item: string },
  command: () => Promise<Result>,
): Promise<Result> {
  try {
    return await command();
  } catch (error) {
    const reason = messageOf(error);
    throw new Error(`Could not ${verb} item '${uuid}' from vault '${vault}', got error: ${reason}`);
  }
}

const item: Resource<Op> = {
  properties,
  computed: ["uuid", "password"],
  secretOutputs: ["password", "noteValue", "sections"],
  validate(inputs) {
    const category = inputs["category"];
    const known = category === undefined || category === "password";
    return known ? [] : [["category", "must be password; this plugin supports no other category"]];
  },
  async create({ client, signal }, inputs) {
    const made = await client.write(signal, ["item", "create", "-"], itemBody(inputs));
    return { id: itemId(made), outputs: stateOf(made) };
  },
  async read({ client, signal }, id) {
    const where = parseItemId(id);
    // An item that does not exist is an error, as in terraform-provider-onepassword v2.1.2
    // (onepassword_item_resource.go, Read and Delete).
    const found = await withItemError("get", where, () => client.item(signal, where.vault, where.item));
    const { uuid: _, ...inputs } = stateOf(found);
    return { id, inputs, outputs: stateOf(found) };
  },
  async update({ client, signal }, id, { inputs }) {
    const where = parseItemId(id);
    const args = ["item", "edit", where.item, `--vault=${where.vault}`];
    return stateOf(await client.write(signal, args, itemBody(inputs, where.item)));
  },
  async delete({ client, signal }, id) {
    const where = parseItemId(id);
    await withItemError("delete", where, () =>
      client.write(signal, ["item", "delete", where.item, `--vault=${where.vault}`]),
    );
  },
};

const TEXTS = [
  "credential",
  "database",
  "hostname",
  "noteValue",
  "password",
  "port",
  "privateKey",
  "publicKey",
  "type",
  "url",
  "username",
];

const getItem: Invocation<Op> = {
  properties: {
    vault: { type: "string", required: true },
    title: { type: "string" },
    uuid: { type: "string" },
  },
  secretOutputs: ["password", "credential", "noteValue", "privateKey", "sections"],
  async run(context, args) {
    if ((args["title"] === undefined) === (args["uuid"] === undefined)) {
      throw new Error("getItem: give exactly one of title, uuid");
    }
    const wanted = text(args["title"] ?? args["uuid"]);
    const found = await context.client.item(context.signal, text(args["vault"]), wanted);
    const empty = Object.fromEntries(TEXTS.map((name) => [name, ""]));
    return { ...empty, ...stateOf(found), id: itemId(found) };
  },
};

const getVault: Invocation<Op> = {
  properties: { name: { type: "string", required: true } },
  async run({ client, signal }, args) {
    const name = text(args["name"]);
    const found = (await client.vaults(signal)).filter((vault) => vault["name"] === name);
    const [vault] = found;
    if (!vault || found.length > 1)
      throw new Error(`getVault: ${found.length} vaults named "${name}"; one is needed`);
    const uuid = text(vault["id"]);
    return { id: `vaults/${uuid}`, uuid, name };
  },
};

/** Replaces @1password/pulumi-onepassword 1.1.3 with a service account or a desktop account, through `op`. */
export const onepassword: Plugin<Op> = {
  name: "onepassword",
  secretConfig: ["serviceAccountToken", "token"],
  configure(config) {
    if (text(config["url"]) || text(config["token"])) {
      throw new Error(
        "onepassword: Connect (url, token) is not supported by this plugin; use a service account",
      );
    }
    const serviceAccountToken =
      text(config["serviceAccountToken"]) || process.env["OP_SERVICE_ACCOUNT_TOKEN"];
    const account = text(config["account"]) || process.env["OP_ACCOUNT"];
    if (!serviceAccountToken && !account) {
      throw new Error("onepassword: no credentials; set serviceAccountToken or OP_SERVICE_ACCOUNT_TOKEN");
    }
    return new Op({
      path: text(config["opCliPath"]) || process.env["OP_CLI_PATH"] || "op",
      ...(serviceAccountToken && { serviceAccountToken }),
      ...(account && { account }),
    });
  },
  resources: { "onepassword:index/item:Item": item },
  functions: {
    "onepassword:index/getItem:getItem": getItem,
    "onepassword:index/getVault:getVault": getVault,
  },
};
