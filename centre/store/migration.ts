export interface Migration {
  /** For errors. */
  readonly name: string;
  readonly sql: string;
}
