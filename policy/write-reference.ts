import { writeFileSync } from "node:fs";
import { policyReference } from "./reference.ts";

writeFileSync("docs/policy.md", policyReference());
