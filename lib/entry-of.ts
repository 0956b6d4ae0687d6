/**
 * The entry called `name`, if the record has one. `record[name]` also finds what every object inherits,
 * such as `constructor`, which is a legal name in the inventory.
 */
export const entryOf = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
