import { readFileSync } from "node:fs";
import {
  adopt,
  type Exported,
  forget,
  NOT_READ,
  notRead,
  pendingCreations,
  pendingUpdates,
  providerInputs,
  type StateResource,
} from "../../../tools/recovery/deployment.ts";

const urn = (name: string) => `urn:pulumi:s::p::t:t:T::${name}`;
const resource = (name: string, more: Partial<StateResource> = {}): StateResource => ({
  urn: urn(name),
  type: "t:t:T",
  custom: true,
  inputs: { name },
  ...more,
});
const provider = resource("provider", { id: "uuid", inputs: { endpoint: "http://192.0.2.1" } });
const pending = (name: string, more: Partial<StateResource> = {}) => ({
  type: "creating",
  resource: resource(name, { provider: `${urn("provider")}::uuid`, ...more }),
});
const state = (
  resources: StateResource[],
  operations: { type: string; resource: StateResource }[],
): Exported => ({
  version: 3,
  deployment: { manifest: { version: "v3" }, resources, pending_operations: operations },
});

test("only creations of custom resources are pending", () => {
  const exported = state(
    [],
    [
      pending("server"),
      pending("component", { custom: false }),
      { type: "updating", resource: resource("updated") },
    ],
  );
  expect(pendingCreations(exported).map(({ urn }) => urn)).toEqual([urn("server")]);
  expect(pendingCreations({ version: 3, deployment: {} })).toEqual([]);
});

test("a resource whose update was interrupted is read, also under its former name", () => {
  const updating = (name: string, id: string) => ({ type: "updating", resource: resource(name, { id }) });
  const resources = [resource("same", { id: "1" }), resource("former", { id: "2" })];
  const operations = [updating("same", "1"), updating("new", "2"), updating("gone", "3"), pending("made")];
  expect(pendingUpdates(state(resources, operations))).toEqual([urn("same"), urn("former")]);
});

test("the provider's settings come from the state", () => {
  const exported = state([provider], [pending("server")]);
  const [server] = pendingCreations(exported);
  expect(server && providerInputs(exported, server)).toEqual({ endpoint: "http://192.0.2.1" });
  expect(providerInputs(exported, resource("without"))).toEqual({});
});

test("found objects become resources, the others are dropped, other operations stay", () => {
  const other = { type: "deleting", resource: resource("old") };
  const exported = state([provider], [pending("found"), pending("absent"), other]);
  const { deployment } = adopt(exported, new Map([[urn("found"), "42"]]));
  expect(deployment.resources?.map(({ urn }) => urn)).toEqual([urn("provider"), urn("found")]);
  expect(deployment.resources?.[1]).toMatchObject({
    id: "42",
    // Without outputs a plugin would read it as for an import, and lose its inputs.
    outputs: { name: "found", id: "42" },
    inputs: { name: "found" },
    initErrors: [NOT_READ],
  });
  expect(deployment.pending_operations).toEqual([other]);
  expect(deployment["manifest"]).toEqual({ version: "v3" });
});

test("a resource is placed after its dependencies and before its dependents", () => {
  const record = pending("record", { dependencies: [urn("server")], parent: urn("dns") });
  const exported = state([provider, resource("dns", { custom: false })], [record, pending("server")]);
  const found = new Map([
    [urn("record"), "1"],
    [urn("server"), "2"],
  ]);
  const order = adopt(exported, found).deployment.resources?.map(({ urn: full }) => full.split("::").at(-1));
  expect(order).toEqual(["provider", "dns", "server", "record"]);
});

test("the official plugins' own entries among the inputs are not outputs", () => {
  const exported = state([provider], [pending("found", { inputs: { name: "found", __defaults: [] } })]);
  const { deployment } = adopt(exported, new Map([[urn("found"), "42"]]));
  expect(deployment.resources?.[1]?.outputs).toEqual({ name: "found", id: "42" });
});

test("secrets are not among the outputs, since a read would store them in plain text", () => {
  const secret = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    ciphertext: "v1:x",
  };
  const inputs = { name: "found", userData: secret, list: [{ part: secret }] };
  const { deployment } = adopt(
    state([provider], [pending("found", { inputs })]),
    new Map([[urn("found"), "42"]]),
  );
  expect(deployment.resources?.[1]).toMatchObject({ inputs });
  expect(deployment.resources?.[1]?.outputs).toEqual({ name: "found", id: "42" });
});

test("a resource that is in the state already is not added again", () => {
  const exported = state([provider, resource("server", { id: "7" })], [pending("server")]);
  const { deployment } = adopt(exported, new Map([[urn("server"), "7"]]));
  expect(deployment.resources).toEqual([provider, resource("server", { id: "7" })]);
});

test("a replacement takes the place of a resource; the former one is deleted, if it still exists", () => {
  const found = new Map([[urn("server"), "42"]]);
  const after = (old: Partial<StateResource>) =>
    adopt(state([provider, resource("server", { id: "7", ...old })], [pending("server")]), found)
      .deployment.resources?.slice(1)
      .map(({ id, delete: gone }) => ({ id, delete: gone }));
  expect(after({})).toEqual([
    { id: "7", delete: true },
    { id: "42", delete: undefined },
  ]);
  expect(after({ pendingReplacement: true })).toEqual([{ id: "42", delete: undefined }]);
});

test("adopted resources are unread until a read or an update empties initErrors", () => {
  const adopted = adopt(state([provider], [pending("server")]), new Map([[urn("server"), "42"]]));
  expect(notRead(adopted)).toEqual([urn("server")]);
  const read = adopted.deployment.resources?.map(({ initErrors: _, ...rest }) => rest);
  expect(notRead(state(read ?? [], []))).toEqual([]);
});

test("the sandbox's wrapper searches for the mark of unread resources", () => {
  expect(readFileSync("tools/pulumi-sandbox.sh", "utf8")).toContain(NOT_READ);
});

test("no other resource refers to a forgotten one", () => {
  const dependent = resource("b", {
    dependencies: [urn("a"), urn("provider")],
    propertyDependencies: { name: [urn("a")] },
    deletedWith: urn("a"),
  });
  const { deployment } = forget(state([provider, resource("a"), dependent], []), new Set([urn("a")]));
  expect(deployment.resources).toEqual([
    provider,
    resource("b", { dependencies: [urn("provider")], propertyDependencies: { name: [] } }),
  ]);
});
