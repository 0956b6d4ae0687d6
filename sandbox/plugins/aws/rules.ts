/** Converts lifecycle and encryption rules between the program's spelling and the store's. */
import type {
  BucketLifecycleConfiguration,
  LifecycleRule,
  ServerSideEncryptionRule,
} from "@aws-sdk/client-s3";
import { number, text } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";

/** Begins the ids of rules for which the program gives no id; comparisons ignore them. */
const GENERATED_ID = "tf-s3-lifecycle-";

export function lifecycleToStore(rules: Json | undefined): BucketLifecycleConfiguration {
  return {
    Rules: objects(rules).map((rule, index): LifecycleRule => {
      const { days } = object(rule["expiration"]);
      const { days: noncurrent } = object(rule["noncurrentVersionExpiration"]);
      const abort = rule["abortIncompleteMultipartUploadDays"];
      return {
        ID: text(rule["id"]) || `${GENERATED_ID}${index}`,
        Status: rule["enabled"] === true ? "Enabled" : "Disabled",
        Filter: { Prefix: text(rule["prefix"]) },
        ...(days !== undefined && { Expiration: { Days: number(days) } }),
        ...(noncurrent !== undefined && {
          NoncurrentVersionExpiration: { NoncurrentDays: number(noncurrent) },
        }),
        ...(abort !== undefined && {
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: number(abort) },
        }),
      };
    }),
  };
}

export function lifecycleFromStore(rules: LifecycleRule[] | undefined): Json {
  return (rules ?? []).map((rule): Properties => {
    const prefix = rule.Filter?.Prefix ?? rule.Prefix ?? "";
    const noncurrent = rule.NoncurrentVersionExpiration?.NoncurrentDays;
    const abort = rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation;
    return {
      ...(rule.ID && { id: rule.ID }),
      enabled: rule.Status === "Enabled",
      ...(prefix !== "" && { prefix }),
      ...(rule.Expiration?.Days && { expiration: { days: rule.Expiration.Days } }),
      ...(noncurrent && { noncurrentVersionExpiration: { days: noncurrent } }),
      ...(abort && { abortIncompleteMultipartUploadDays: abort }),
    };
  });
}

/** Absent and empty parts are equal, and the order of rules has no meaning. */
export function lifecycleForm(rules: Json): Json {
  const form = lifecycleFromStore(lifecycleToStore(rules).Rules) as Properties[];
  for (const rule of form) if (text(rule["id"]).startsWith(GENERATED_ID)) delete rule["id"];
  return form.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

export function encryptionToStore(rules: Json | undefined): ServerSideEncryptionRule[] {
  return objects(rules).map((rule) => {
    const { sseAlgorithm } = object(rule["applyServerSideEncryptionByDefault"]);
    return { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: text(sseAlgorithm) as "AES256" } };
  });
}

export function encryptionFromStore(rules: ServerSideEncryptionRule[] | undefined): Properties[] {
  return (rules ?? []).map(({ ApplyServerSideEncryptionByDefault: by }) => ({
    applyServerSideEncryptionByDefault: { sseAlgorithm: by?.SSEAlgorithm ?? "" },
  }));
}

export const encryptionForm = (rules: Json): Json => encryptionFromStore(encryptionToStore(rules));
