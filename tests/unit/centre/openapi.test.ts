/** The API answers as its document says, whatever is asked and by whom. */
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { openAccess } from "../../../centre/access/access.ts";
import { ownerIdentity } from "../../../centre/access/identity.ts";
import { Sessions } from "../../../centre/access/sessions.ts";
import { createCentre } from "../../../centre/app.ts";
import { Collector } from "../../../centre/collector.ts";
import { openApiDocument } from "../../../centre/routes/api.ts";
import { EXAMPLE_REHEARSALS, exampleFleet } from "../../../tools/docs/example-fleet.ts";
import { exampleHistory } from "./example-runs.ts";
import { testDatabase } from "./fixtures.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Operation {
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query";
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

// As a reader of the file has it.
const document = JSON.parse(JSON.stringify(openApiDocument())) as Document;

test("centre/openapi.json is what make docs writes", () => {
  expect(JSON.parse(readFileSync("centre/openapi.json", "utf8"))).toEqual(document);
});

const ajv = new Ajv2020({ strict: true, allErrors: true });
// The place of the schemas that others name; not a rule of its own.
ajv.addVocabulary(["components"]);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

const checks = new Map<Schema, ValidateFunction>();

/** The check of an answer's body. */
function checkOf(schema: Schema): ValidateFunction {
  const known = checks.get(schema);
  if (known !== undefined) return known;
  const check = ajv.compile({ ...schema, components: document.components });
  checks.set(schema, check);
  return check;
}

/** What a schema allows, from names and numbers that the example has as well. */
function allowedBy(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const found = document.components.schemas[schema.$ref.split("/").at(-1) ?? ""];
    if (found === undefined) throw new Error(`no schema ${schema.$ref}`);
    return allowedBy(found);
  }
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "string":
      return fc.oneof(
        fc.constantFrom("web-1", "db", "20260101T000000Z-00000001", "", "..", "%", "constructor"),
        fc.string({ unit: "binary" }),
      );
    case "integer":
    case "number":
      return fc.integer({
        min: Math.max(schema.minimum ?? -3, -(2 ** 31)),
        max: Math.min(schema.maximum ?? 50, 2 ** 31),
      });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(allowedBy(schema.items ?? {}), { maxLength: 3 });
    case "object": {
      const fields = Object.entries(schema.properties ?? {});
      return fc.record(Object.fromEntries(fields.map(([name, field]) => [name, allowedBy(field)])), {
        requiredKeys: [...(schema.required ?? [])],
      });
    }
    default:
      return fc.jsonValue();
  }
}

/** Mostly what the schema allows, and sometimes anything. */
const nearly = (schema: Schema): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 3, arbitrary: allowedBy(schema) }, { weight: 1, arbitrary: fc.jsonValue() });

const inAddress = (value: unknown): string =>
  encodeURIComponent(typeof value === "string" ? value : JSON.stringify(value));

interface Request {
  readonly path: string;
  readonly body: string | undefined;
  readonly type: string;
}

function requestOf(path: string, { parameters = [], requestBody }: Operation): fc.Arbitrary<Request> {
  const body = requestBody?.content?.["application/json"]?.schema;
  return fc
    .record({
      values: fc.tuple(
        ...parameters.map(({ schema, required }) =>
          required ? nearly(schema) : fc.option(nearly(schema), { nil: undefined }),
        ),
      ),
      body:
        body === undefined
          ? fc.constant(undefined)
          : fc.oneof(
              { weight: 4, arbitrary: nearly(body).map((value) => JSON.stringify(value)) },
              { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
            ),
      type: fc.oneof(
        { weight: 6, arbitrary: fc.constant("application/json") },
        { weight: 1, arbitrary: fc.constantFrom("text/plain", "application/json; charset=x", "") },
      ),
    })
    .map(({ values, body, type }) => {
      let address = path;
      const query: string[] = [];
      parameters.forEach(({ name, in: place }, at) => {
        const value = values[at];
        if (place === "path") address = address.replace(`{${name}}`, () => inAddress(value));
        else if (value !== undefined) query.push(`${encodeURIComponent(name)}=${inAddress(value)}`);
      });
      return { path: query.length === 0 ? address : `${address}?${query.join("&")}`, body, type };
    });
}

/** A centre with a state, or one that could not read it, and the headers of each kind of caller. */
async function start(isRead: boolean) {
  const read = () => (isRead ? Promise.resolve(exampleFleet()) : Promise.reject(new Error("no backend")));
  const collector = new Collector(read);
  await collector.refresh();
  const sessions = new Sessions();
  const database = testDatabase();
  const access = openAccess({ database, collector });
  const app = createCentre({
    ...{ collector, sessions, database, access, runs: await exampleHistory(database) },
    rehearsals: () => EXAMPLE_REHEARSALS,
    hosts: () => ["centre"],
  });
  const opened = await app.request(`http://centre/session?link=${sessions.newLink()}`, {
    headers: { host: "centre" },
  });
  const token = (...capabilities: Parameters<typeof access.tokens.make>[0]["capabilities"]) => {
    const { secret } = access.tokens.make({ name: "test", capabilities, days: 1 }, ownerIdentity("a person"));
    return { authorization: `Bearer ${secret}` };
  };
  const callers: readonly Readonly<Record<string, string>>[] = [
    { cookie: opened.headers.get("set-cookie")?.split(";")[0] ?? "" },
    token("status.read", "audit.read", "rollback.host", "rollback.wave"),
    token("status.read"),
    token("rollback.host"),
    { authorization: "Bearer pantheros_guessed" },
    {},
  ];
  return callers.map((headers) => ({ app, headers }));
}

test.each(operations.map(({ path, method, operation }) => [method, path, operation] as const))(
  "%s %s: no answer is undescribed, and none is an error of the server",
  async (method, path, operation) => {
    const callers = [await start(true), await start(false)].flat();
    const seen = new Set<number>();
    const property = fc.asyncProperty(
      requestOf(path, operation),
      fc.nat({ max: callers.length - 1 }),
      async ({ path: address, body, type }, caller) => {
        const { app, headers = {} } = callers[caller] ?? {};
        if (app === undefined) throw new Error(`no caller ${caller}`);
        const answer = await app.request(`http://centre/api/v1${address}`, {
          method: method.toUpperCase(),
          headers: {
            host: "centre",
            ...headers,
            ...(body !== undefined && type !== "" && { "content-type": type }),
          },
          ...(body !== undefined && { body }),
        });
        const text = await answer.text();
        const described = operation.responses[String(answer.status)];
        const contentType = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
        expect([answer.status, described !== undefined]).toEqual([answer.status, true]);
        const schema = described?.content?.[contentType]?.schema;
        expect([answer.status, contentType, schema !== undefined]).toEqual([
          answer.status,
          contentType,
          true,
        ]);
        const check = checkOf(schema ?? {});
        check(JSON.parse(text));
        expect(check.errors ?? []).toEqual([]);
        // A 5xx is described only for a state that was not read, and an audit log that cannot be written.
        if (answer.status >= 500) expect(answer.status).toBe(503);
        seen.add(answer.status);
      },
    );
    await fc.assert(property, { numRuns: 150 });
    expect(seen).toContain(401);
    expect(seen.size).toBeGreaterThan(1);
  },
);

test("an answer that is not described is found", () => {
  const check = checkOf({ $ref: "#/components/schemas/FleetStatus" });
  const { status } = exampleFleet();
  expect(check(JSON.parse(JSON.stringify(status)))).toBe(true);
  expect(check({ ...status, at: 5 })).toBe(false);
  expect(check({ ...status, hosts: [{ name: "web" }] })).toBe(false);
});
