import { ApiError } from "./errors.ts";
import type { Project } from "./project.ts";

/** Kinds whose number an account limits, by the path that creates one. */
const LIMITED = { "/v1/servers": "servers", "/v1/primary_ips": "primary_ips" } as const;

/**
 * Refuses what the token or the account's limits forbid. Source: docs.hetzner.cloud, "Errors": `token_readonly`,
 * `resource_limit_exceeded`.
 * @throws ApiError
 */
export function assertAllowed({ rights, state }: Project, method: string, path: string): void {
  const { readOnly = false, limits = {} } = rights();
  if (readOnly && method !== "GET")
    throw new ApiError(403, "token_readonly", "token is only allowed to perform GET requests");
  if (method !== "POST" || !Object.hasOwn(LIMITED, path)) return;
  const kind = LIMITED[path as keyof typeof LIMITED];
  const limit = limits[kind];
  if (limit !== undefined && Object.keys(state[kind]).length >= limit)
    throw new ApiError(
      403,
      "resource_limit_exceeded",
      `${kind.replace("_", " ").replace(/s$/, "")} limit exceeded`,
    );
}
