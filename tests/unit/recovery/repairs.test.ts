import type { Exported, Properties, StateResource } from "../../../tools/recovery/deployment.ts";
import { deletedItems, withNumericFlags } from "../../../tools/recovery/repairs.ts";
import type { Vendors } from "../../../tools/recovery/vendors.ts";

const urn = (name: string) => `urn:pulumi:s::p::t:t:T::${name}`;
const state = (...resources: StateResource[]): Exported => ({ version: 3, deployment: { resources } });
const item = (name: string, vault: string, id: string, more: Partial<StateResource> = {}): StateResource => ({
  urn: urn(name),
  type: "onepassword:index/item:Item",
  id: `vaults/${vault}/items/${id}`,
  ...more,
});
const asking = (list: (vault: string) => readonly Properties[]) =>
  ({ onepassword: async (vault: string) => list(vault) }) as Vendors;

describe("1Password items", () => {
  test("items that their vault does not list are deleted; each vault is listed once", async () => {
    const listed: string[] = [];
    const vendors = asking((vault) => {
      listed.push(vault);
      return vault === "v1" ? [{ id: "a" }, { id: "b" }] : [];
    });
    const exported = state(
      item("there", "v1", "a"),
      item("gone", "v1", "c"),
      item("other", "v2", "a"),
      item("replaced", "v1", "d", { delete: true }),
      { urn: urn("record"), type: "cloudflare:index/dnsRecord:DnsRecord", id: "r" },
    );
    expect([...(await deletedItems(exported, vendors)).urns]).toEqual([urn("gone"), urn("other")]);
    expect(listed).toEqual(["v1", "v2"]);
  });
  test("no item of a vault that cannot be listed counts as deleted, and the vault is named", async () => {
    const vendors = asking(() => {
      throw new Error("op item list: no access\n");
    });
    expect(await deletedItems(state(item("a", "v1", "a"), item("b", "v1", "b")), vendors)).toEqual({
      urns: new Set(),
      unanswered: ["vault v1: op item list: no access"],
    });
  });
  test("without items no vault is listed", async () => {
    const vendors = asking(() => {
      throw new Error("unexpected request");
    });
    expect(await deletedItems(state(), vendors)).toEqual({ urns: new Set(), unanswered: [] });
  });
});

describe("CAA flags", () => {
  const record = (flags: unknown, more: object = {}): StateResource => ({
    urn: urn("caa"),
    type: "cloudflare:index/dnsRecord:DnsRecord",
    inputs: { name: "example.test", data: { flags, tag: "issue" } },
    outputs: { data: { flags, tag: "issue" }, ...more },
  });
  test("text becomes a number, and the official plugin's record of the text is removed", () => {
    const { state: repaired, changed } = withNumericFlags(
      state(record("0", { __pulumi_raw_state_delta: {} })),
    );
    expect(changed).toEqual([urn("caa")]);
    expect(repaired.deployment.resources).toEqual([record(0)]);
  });
  test("numbers and other records stay unchanged", () => {
    const srv: StateResource = { ...record(0), type: "t:t:T", inputs: { data: { flags: "0" } } };
    expect(withNumericFlags(state(record(128), srv))).toEqual({
      state: state(record(128), srv),
      changed: [],
    });
  });
});
