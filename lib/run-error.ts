/**
 * An error that the user can fix: Pulumi prints its message and no stack trace. The SDK recognises such errors by this
 * property, also from another copy of the SDK (sdk/nodejs/errors.ts, `RunError.isInstance`).
 */
export class RunError extends Error {
  readonly __pulumiRunError = true;
}
