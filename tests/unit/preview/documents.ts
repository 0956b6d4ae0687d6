/** Documents for tests. */
import type { PreviewDocument, PreviewHost } from "../../../preview/document.ts";

export const host = (name: string, more: Partial<PreviewHost> = {}): PreviewHost => ({
  host: name,
  wave: 1,
  required: true,
  action: "nothing",
  ...more,
});

export const document = (more: Partial<PreviewDocument> = {}): PreviewDocument => ({
  schemaVersion: 1,
  stack: "production",
  outcome: "succeeded",
  counts: {},
  changes: [],
  hosts: [],
  outputs: [],
  findings: [],
  errors: [],
  warnings: [],
  ...more,
});
