/**
 * Secrets for hosts: `GET /v1/secret?reference=op://…` with the service account's token as bearer. The path
 * exists in the sandbox only; 1Password's SDK, which OpNix uses, has an encrypted protocol. Access is granted
 * by vault. Source: 1Password, "Get started with service accounts": vaults, read or write, never items.
 */
import { Hono } from "hono";
import { findVault, OpError } from "./items.ts";
import { readReference } from "./references.ts";
import { parseReference } from "./seed.ts";
import { hashToken, readVault } from "./vault-file.ts";

/** @param path the vault file; it is read at each request, since `op` changes it */
export function onePasswordApp(path: string): Hono {
  const app = new Hono();
  app.get("/v1/secret", (context) => {
    const token = /^Bearer (.+)$/.exec(context.req.header("authorization") ?? "")?.[1] ?? "";
    const file = readVault(path);
    const account = file.serviceAccounts.find(({ sha256 }) => sha256 === hashToken(token));
    if (account === undefined) return context.text("invalid service account token", 401);
    try {
      const reference = context.req.query("reference") ?? "";
      const { vaults } = account;
      const { name } = findVault(file, parseReference(reference).vault);
      if (vaults !== undefined && !vaults.includes(name)) return context.text("no access to the vault", 403);
      return context.text(readReference(file, reference));
    } catch (error) {
      if (error instanceof OpError) return context.text(error.message, 404);
      return context.text(String(error), 400);
    }
  });
  return app;
}
