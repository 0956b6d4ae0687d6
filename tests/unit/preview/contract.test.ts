/** Changes of the outputs that other teams read. */
import { contractChanges } from "../../../preview/contract.ts";

const before = {
  schemaVersion: 1,
  hosts: { web: { wave: 1, outcome: "confirmed", closure: "/nix/store/a", health: [] } },
  services: { git: { url: "https://git.example.test", host: "web", public: true } },
  cost: { monthly: 4, currency: "EUR" },
};

test("a service that moves, one that is new, and a host that goes", () => {
  const after = {
    schemaVersion: 1,
    hosts: {},
    services: {
      git: { url: "https://code.example.test", host: "web", public: true },
      wiki: { url: "https://wiki.example.test" },
    },
    cost: { monthly: 9, currency: "EUR" },
  };
  expect(contractChanges(before, after)).toEqual([
    { path: "hosts.web.wave", kind: "delete", before: "1" },
    {
      path: "services.git.url",
      kind: "update",
      before: "https://git.example.test",
      after: "https://code.example.test",
    },
    { path: "services.wiki.url", kind: "add", after: "https://wiki.example.test" },
  ]);
});

test("facts of a run and values that are not known yet are no changes", () => {
  const after = {
    ...before,
    hosts: { web: { wave: 1, outcome: "failed", closure: "/nix/store/b" } },
    services: { git: { url: "04da6b54-80e4-46f7-96ec-b56ff0331ba9", host: "web", public: true } },
    revision: { commit: "x" },
  };
  expect(contractChanges(before, after)).toEqual([]);
});

test("an output that becomes secret is hidden on both sides", () => {
  const changed = contractChanges({ note: "was plain" }, { note: "[secret]" });
  expect(changed).toEqual([{ path: "note", kind: "update", before: "[secret]", after: "[secret]" }]);
});
