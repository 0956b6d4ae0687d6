/** Signatures of approvals, by the real ssh-keygen. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { approverOf, parseDuration } from "../../../cli/approve/approve.ts";
import { publicKeyIn, signApproval, signatureProblem } from "../../../deployer/approval.ts";
import { type Approval, approvalText } from "../../../inventory/approval.ts";
import type { Inventory } from "../../../inventory/schema.ts";

let directory: string;
const file = (name: string) => join(directory, name);
const publicKey = (name: string) => readFileSync(file(`${name}.pub`), "utf8").trim();
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-approval-"));
  for (const name of ["bob", "eve"])
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "* cert-authority", "-f", file(name)]);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const approval: Approval = {
  ...{
    schemaVersion: 1,
    stack: "pantheros/production",
    tree: "a".repeat(40),
    by: "bob",
    reason: "an outage",
  },
  ...{ origin: "checked", created: "2030-01-01T11:00:00.000Z", expires: "2030-01-01T13:00:00.000Z" },
};

test("a signature of one of the user's keys counts", () => {
  const signed = signApproval(approval, file("bob"));
  expect(signatureProblem(signed, [publicKey("eve"), publicKey("bob")])).toBeUndefined();
});

test("every field is signed", () => {
  const signed = signApproval(approval, file("bob"));
  const changes: Partial<Approval>[] = [
    { stack: "pantheros/homelab" },
    { tree: "b".repeat(40) },
    { by: "ann" },
    { reason: "a whim" },
    { origin: "unread" },
    { created: "2030-01-01T11:30:00.000Z" },
    { expires: "2030-01-02T13:00:00.000Z" },
  ];
  for (const change of changes) {
    expect(
      signatureProblem({ ...signed, approval: { ...approval, ...change } }, [publicKey("bob")]),
    ).toContain("its signature is not of a key of");
  }
});

test("a signature of another key, for another purpose, or none does not", () => {
  const keys = [publicKey("bob")];
  expect(signatureProblem(signApproval(approval, file("eve")), keys)).toContain("not of a key of bob");
  expect(signatureProblem(signApproval(approval, file("bob")), [])).toBe(
    "bob has no key in the inventory (authorized_keys)",
  );
  const commit = spawnSync("ssh-keygen", ["-Y", "sign", "-n", "git", "-f", file("bob")], {
    input: approvalText(approval),
    encoding: "utf8",
  });
  expect(commit.status).toBe(0);
  expect(signatureProblem({ approval, signature: commit.stdout }, keys)).toContain("not of a key of bob");
  expect(signatureProblem({ approval, signature: "-----BEGIN SSH SIGNATURE-----" }, keys)).toBeDefined();
});

test("a key file that is not there does not sign", () => {
  expect(() => signApproval(approval, file("nobody"))).toThrow("did not sign");
  expect(publicKeyIn(file("nobody"))).toBeUndefined();
  expect(publicKeyIn(file("bob"))).toBe(publicKey("bob").split(" ").slice(0, 2).join(" "));
});

const user = (role: string, ...authorizedKeys: string[]) => ({ role, authorizedKeys });
const role = (...capabilities: string[]) => ({ capabilities });

test("the user is the key's owner whose role may approve", () => {
  const inventory = {
    roles: { lead: role("promotion.approve"), guest: role() },
    users: {
      ann: user("guest", publicKey("bob")),
      bob: user("lead", publicKey("bob")),
      eve: user("guest", publicKey("eve")),
    },
  } as unknown as Inventory;
  expect(approverOf(inventory, [publicKey("eve"), publicKey("bob")], "the agent").user).toBe("bob");
  expect(() => approverOf(inventory, [publicKey("eve")], "eve.key")).toThrow(
    "eve.key belongs to eve, whose role may not approve; those who may are bob",
  );
  expect(() => approverOf({ ...inventory, users: {} }, [publicKey("eve")], "eve.key")).toThrow(
    'eve.key is not a key of a user of the inventory ([users.NAME] authorized_keys); no user has a role with the capability "promotion.approve" and a key',
  );
});

test("durations", () => {
  expect(["30m", "4h", "7d"].map(parseDuration)).toEqual([1800, 14_400, 604_800]);
  for (const text of ["", "4", "0h", "8d", "1w", "-1h", "4h "])
    expect(() => parseDuration(text)).toThrow("--expires");
});
