/** The steps that make the tables. Each part of the centre has its own in its folder; a new one is appended here. */
import { TOKENS_MIGRATION } from "../access/migration.ts";
import { AUDIT_MIGRATION } from "../audit/migration.ts";
import { RUN_TABLES } from "../runs/tables.ts";
import type { Migration } from "./migration.ts";

/** `user_version` of a database counts the steps that it has had, so the order never changes. */
export const MIGRATIONS: readonly Migration[] = [AUDIT_MIGRATION, TOKENS_MIGRATION, RUN_TABLES];
