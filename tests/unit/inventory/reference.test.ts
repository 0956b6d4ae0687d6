import { readFileSync } from "node:fs";
import { inventoryReference } from "../../../inventory/reference.ts";

test("docs/inventory.md is what the schema says (make docs writes it)", () => {
  expect(readFileSync("docs/inventory.md", "utf8")).toBe(inventoryReference());
});
