/** Errors of the store that its callers tell apart. */

/** Another control centre has the database open. */
export class StoreInUse extends Error {}

/** The database was made by a newer version of this program. */
export class StoreTooNew extends Error {}

/** A write failed because of the disk: it is full, read-only or broken. Reads go on. */
export class StoreNotWritable extends Error {}
