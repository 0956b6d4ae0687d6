/**
 * A failure that a person has to act on: Pulumi prints its message and no stack trace.
 * Its SDK knows such errors by this property, so that they may come from another copy of it (sdk/nodejs/errors.ts, `RunError.isInstance`).
 */
export class RunError extends Error {
  readonly __pulumiRunError = true;
}
