import type { Refusals } from "../faulty.ts";
import { refusal, retryAfter } from "../refusals.ts";
import { ApiError } from "./errors.ts";

/** Error codes: hcloud-go, `hcloud/error.go`; rate-limit headers: docs.hetzner.cloud, "Rate Limiting". */
export const HETZNER: Refusals = {
  refuse: () => refusal(new ApiError(403, "forbidden", "insufficient permissions for this request")),
  unavailable: () => refusal(new ApiError(503, "unavailable", "the service is unavailable")),
  rateLimit: (seconds) =>
    refusal(new ApiError(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached"), {
      ...retryAfter(seconds),
      "ratelimit-limit": "3600",
      "ratelimit-remaining": "0",
      "ratelimit-reset": String(Math.ceil(Date.now() / 1000 + seconds)),
    }),
};
