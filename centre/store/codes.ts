/** Result codes of SQLite. Source: https://sqlite.org/rescode.html */

export const SQLITE_BUSY = 5;
export const SQLITE_READONLY = 8;
export const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
export const SQLITE_FULL = 13;
export const SQLITE_CANTOPEN = 14;
export const SQLITE_NOTADB = 26;

/** Whether an error of node:sqlite has one of these primary codes; the low byte of an extended one. */
export const hasCode = (error: unknown, ...codes: readonly number[]): boolean =>
  typeof error === "object" &&
  error !== null &&
  "errcode" in error &&
  typeof error.errcode === "number" &&
  codes.includes(error.errcode & 0xff);
