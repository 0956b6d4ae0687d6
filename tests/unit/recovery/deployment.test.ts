import {
  adopt,
  type Exported,
  pendingCreations,
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

test("only creations of real resources are pending", () => {
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

test("the provider's settings are those of the state", () => {
  const exported = state([provider], [pending("server")]);
  const [server] = pendingCreations(exported);
  expect(server && providerInputs(exported, server)).toEqual({ endpoint: "http://192.0.2.1" });
  expect(providerInputs(exported, resource("without"))).toEqual({});
});

test("what was found becomes a resource, what was not is forgotten, other operations stay", () => {
  const other = { type: "deleting", resource: resource("old") };
  const exported = state([provider], [pending("found"), pending("absent"), other]);
  const { deployment } = adopt(exported, new Map([[urn("found"), "42"]]));
  expect(deployment.resources?.map(({ urn }) => urn)).toEqual([urn("provider"), urn("found")]);
  expect(deployment.resources?.[1]).toMatchObject({ id: "42", outputs: {}, inputs: { name: "found" } });
  expect(deployment.pending_operations).toEqual([other]);
  expect(deployment["manifest"]).toEqual({ version: "v3" });
});

test("an object stands after what it depends on, and before what depends on it", () => {
  const record = pending("record", { dependencies: [urn("server")], parent: urn("dns") });
  const exported = state([provider, resource("dns", { custom: false })], [record, pending("server")]);
  const found = new Map([
    [urn("record"), "1"],
    [urn("server"), "2"],
  ]);
  const order = adopt(exported, found).deployment.resources?.map(({ urn: full }) => full.split("::").at(-1));
  expect(order).toEqual(["provider", "dns", "server", "record"]);
});

test("a resource that the state has already is not doubled", () => {
  const exported = state([provider, resource("server", { id: "7" })], [pending("server")]);
  const { deployment } = adopt(exported, new Map([[urn("server"), "42"]]));
  expect(deployment.resources).toEqual([provider, resource("server", { id: "7" })]);
});
