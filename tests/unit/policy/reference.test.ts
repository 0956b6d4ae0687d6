import { readFileSync } from "node:fs";
import { policyReference } from "../../../policy/reference.ts";

test("docs/policy.md is what the rules say (make docs writes it)", () => {
  expect(readFileSync("docs/policy.md", "utf8")).toBe(policyReference());
});
