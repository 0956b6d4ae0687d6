/** Tokens of the API: shown once, stored as a sum, with capabilities and an end. */
import { randomBytes, randomUUID } from "node:crypto";
import { type Capability, grants } from "../../inventory/capabilities.ts";
import { sha256 } from "../../lib/sha256.ts";
import type { Database, Row } from "../store/database.ts";
import type { Identity } from "./identity.ts";

/** Before every token, so that scanners for leaked secrets and people recognize it. */
const PREFIX = "pantheros_";
export const MAX_TOKEN_DAYS = 366;

export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly capabilities: readonly Capability[];
  /** Role and name of the person who made it. */
  readonly role: string;
  readonly madeBy: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly endsAt: number;
  readonly revokedAt: number | undefined;
}

export interface NewToken {
  readonly name: string;
  readonly capabilities: readonly Capability[];
  readonly days: number;
}

export class Tokens {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * Makes a token and returns it. Only its sum is stored, so this is the only time.
   * @throws Error when its maker has not one of the capabilities, or the time is out of range
   */
  make(
    { name, capabilities, days }: NewToken,
    by: Identity,
  ): { readonly id: string; readonly secret: string } {
    const beyond = capabilities.filter((each) => !grants(by.capabilities, each));
    if (beyond.length > 0) throw new Error(`the role ${by.role} has not ${beyond.join(", ")} itself`);
    if (capabilities.length === 0) throw new Error("a token needs at least one capability");
    if (!(days > 0 && days <= MAX_TOKEN_DAYS)) throw new Error(`a token ends within ${MAX_TOKEN_DAYS} days`);
    const id = randomUUID();
    const secret = `${PREFIX}${randomBytes(32).toString("base64url")}`;
    const now = this.#now();
    this.#database.write(() =>
      this.#database.run(
        "INSERT INTO tokens (id, sum, name, capabilities, role, made_by, made_at, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ...[id, sha256(secret), name, JSON.stringify(capabilities), by.role, by.who],
        ...[now, now + days * 86_400_000],
      ),
    );
    return { id, secret };
  }

  /** Whose token it is; undefined when it is unknown, ended or revoked. */
  find(secret: string): Identity | undefined {
    if (!secret.startsWith(PREFIX)) return undefined;
    const row = this.#database.get("SELECT * FROM tokens WHERE sum = ?", sha256(secret));
    const token = row && tokenOf(row);
    if (token === undefined || token.revokedAt !== undefined || token.endsAt <= this.#now()) return undefined;
    return {
      who: `${token.name} (token of ${token.madeBy})`,
      door: "token",
      role: token.role,
      capabilities: token.capabilities,
    };
  }

  list(): readonly ApiToken[] {
    return this.#database.all("SELECT * FROM tokens ORDER BY made_at DESC").map(tokenOf);
  }

  /** Returns false when there is no such token that can be revoked. */
  revoke(id: string): boolean {
    return this.#database.write(
      () =>
        this.#database.run(
          "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
          this.#now(),
          id,
        ) > 0,
    );
  }
}

const tokenOf = (row: Row): ApiToken => ({
  id: String(row["id"]),
  name: String(row["name"]),
  capabilities: JSON.parse(String(row["capabilities"])) as Capability[],
  role: String(row["role"]),
  madeBy: String(row["made_by"]),
  madeAt: Number(row["made_at"]),
  endsAt: Number(row["ends_at"]),
  revokedAt: row["revoked_at"] === null ? undefined : Number(row["revoked_at"]),
});
