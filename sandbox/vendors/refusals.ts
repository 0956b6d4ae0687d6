/** How each vendor refuses, fails and limits requests: status, headers and body in its own form. */
import { CloudflareError } from "./cloudflare/envelope.ts";
import type { Refusal, Refusals } from "./faulty.ts";
import { errorXml } from "./s3/rules.ts";
import { TailscaleError } from "./tailscale/errors.ts";

interface VendorError {
  readonly status: number;
  body(): object;
}

export const refusal = (error: VendorError, headers: Readonly<Record<string, string>> = {}): Refusal => ({
  status: error.status,
  headers,
  body: error.body(),
});

export const retryAfter = (seconds: number) => ({ "retry-after": String(seconds) });

/**
 * 9109: a token without the permission; 971: the limit of 1200 requests in 5 minutes. Source: Cloudflare's
 * API documentation.
 */
export const CLOUDFLARE: Refusals = {
  refuse: () => refusal(new CloudflareError(403, 9109, "Unauthorized to access requested resource")),
  unavailable: () => refusal(new CloudflareError(503, 10001, "Service unavailable")),
  rateLimit: (seconds) =>
    refusal(
      new CloudflareError(429, 971, "Please wait and consider throttling your request speed"),
      retryAfter(seconds),
    ),
};

/** Messages as in public reports of tailscale-client-go. */
export const TAILSCALE: Refusals = {
  refuse: () =>
    refusal(
      new TailscaleError(403, "calling actor does not have enough permissions to perform this function"),
    ),
  unavailable: () => refusal(new TailscaleError(503, "internal server error")),
  rateLimit: (seconds) => refusal(new TailscaleError(429, "rate limit exceeded"), retryAfter(seconds)),
};

const xml = (status: number, code: string, message: string, headers = {}): Refusal => ({
  status,
  headers,
  body: errorXml({ status, code, message }),
});

/** S3's codes (Amazon S3 API reference, "Error responses"), which B2 uses too. */
export const S3: Refusals = {
  refuse: () => xml(403, "AccessDenied", "not entitled"),
  unavailable: () => xml(500, "InternalError", "An internal error occurred."),
  rateLimit: (seconds) => xml(503, "SlowDown", "Please reduce your request rate.", retryAfter(seconds)),
};
