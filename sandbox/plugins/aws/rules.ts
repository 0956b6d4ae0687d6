/** Lifecycle, encryption and CORS rules between the program's spelling and the store's. */
import type {
  BucketLifecycleConfiguration,
  CORSRule,
  LifecycleRule,
  ServerSideEncryptionRule,
  TransitionStorageClass,
} from "@aws-sdk/client-s3";
import { number, text, texts } from "../framework/resource.ts";
import { type Json, object, objects, type Properties } from "../framework/values.ts";

/** Names of rules the program gave none; they don't count in comparisons. */
const UNNAMED = "tf-s3-lifecycle-";

export function lifecycleToStore(rules: Json | undefined): BucketLifecycleConfiguration {
  return {
    Rules: objects(rules).map((rule, index): LifecycleRule => {
      const expiration = object(rule["expiration"]);
      const noncurrent = object(rule["noncurrentVersionExpiration"]);
      return {
        ID: text(rule["id"]) || `${UNNAMED}${index}`,
        Status: rule["enabled"] === true ? "Enabled" : "Disabled",
        Filter: { Prefix: text(rule["prefix"]) },
        ...(Object.keys(expiration).length === 0
          ? {}
          : {
              Expiration: {
                ...(expiration["days"] === undefined ? {} : { Days: number(expiration["days"]) }),
                ...(expiration["date"] === undefined ? {} : { Date: new Date(text(expiration["date"])) }),
                ...(expiration["expiredObjectDeleteMarker"] === true
                  ? { ExpiredObjectDeleteMarker: true }
                  : {}),
              },
            }),
        ...(noncurrent["days"] === undefined
          ? {}
          : { NoncurrentVersionExpiration: { NoncurrentDays: number(noncurrent["days"]) } }),
        ...(rule["abortIncompleteMultipartUploadDays"] === undefined
          ? {}
          : {
              AbortIncompleteMultipartUpload: {
                DaysAfterInitiation: number(rule["abortIncompleteMultipartUploadDays"]),
              },
            }),
        ...(objects(rule["transitions"]).length === 0
          ? {}
          : {
              Transitions: objects(rule["transitions"]).map((transition) => ({
                Days: number(transition["days"]),
                StorageClass: text(transition["storageClass"]) as TransitionStorageClass,
              })),
            }),
      };
    }),
  };
}

export function lifecycleFromStore(rules: LifecycleRule[] | undefined): Json {
  return (rules ?? []).map((rule): Properties => {
    const {
      Expiration: expiration,
      NoncurrentVersionExpiration: noncurrent,
      AbortIncompleteMultipartUpload: abort,
    } = rule;
    const prefix = rule.Filter?.Prefix ?? rule.Prefix ?? "";
    return {
      ...(rule.ID ? { id: rule.ID } : {}),
      enabled: rule.Status === "Enabled",
      ...(prefix === "" ? {} : { prefix }),
      ...(expiration
        ? {
            expiration: {
              ...(expiration.Days ? { days: expiration.Days } : {}),
              ...(expiration.Date ? { date: expiration.Date.toISOString().slice(0, 10) } : {}),
              ...(expiration.ExpiredObjectDeleteMarker ? { expiredObjectDeleteMarker: true } : {}),
            },
          }
        : {}),
      ...(noncurrent?.NoncurrentDays
        ? { noncurrentVersionExpiration: { days: noncurrent.NoncurrentDays } }
        : {}),
      ...(abort?.DaysAfterInitiation
        ? { abortIncompleteMultipartUploadDays: abort.DaysAfterInitiation }
        : {}),
      ...(rule.Transitions?.length
        ? {
            transitions: rule.Transitions.map(
              (one): Properties => ({ days: one.Days ?? 0, storageClass: one.StorageClass ?? "" }),
            ),
          }
        : {}),
    };
  });
}

/** What is left out and what is empty are the same, and so are rules in another order. */
export function lifecycleForm(rules: Json): Json {
  const form = lifecycleFromStore(lifecycleToStore(rules).Rules) as Properties[];
  for (const rule of form) if (text(rule["id"]).startsWith(UNNAMED)) delete rule["id"];
  return form.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

export function encryptionToStore(rules: Json | undefined): ServerSideEncryptionRule[] {
  return objects(rules).map((rule) => {
    const by = object(rule["applyServerSideEncryptionByDefault"]);
    return {
      ApplyServerSideEncryptionByDefault: {
        SSEAlgorithm: text(by["sseAlgorithm"]) as "AES256" | "aws:kms",
        ...(text(by["kmsMasterKeyId"]) === "" ? {} : { KMSMasterKeyID: text(by["kmsMasterKeyId"]) }),
      },
      ...(rule["bucketKeyEnabled"] === true ? { BucketKeyEnabled: true } : {}),
    };
  });
}

export function encryptionFromStore(rules: ServerSideEncryptionRule[] | undefined): Properties[] {
  return (rules ?? []).map(({ ApplyServerSideEncryptionByDefault: by, BucketKeyEnabled: keyed }) => ({
    applyServerSideEncryptionByDefault: {
      sseAlgorithm: by?.SSEAlgorithm ?? "",
      ...(by?.KMSMasterKeyID ? { kmsMasterKeyId: by.KMSMasterKeyID } : {}),
    },
    ...(keyed ? { bucketKeyEnabled: true } : {}),
  }));
}

export const encryptionForm = (rules: Json): Json => encryptionFromStore(encryptionToStore(rules));

export function corsToStore(rules: Json | undefined): CORSRule[] {
  return objects(rules).map((rule) => ({
    AllowedMethods: texts(rule["allowedMethods"]),
    AllowedOrigins: texts(rule["allowedOrigins"]),
    ...(texts(rule["allowedHeaders"]).length > 0 ? { AllowedHeaders: texts(rule["allowedHeaders"]) } : {}),
    ...(texts(rule["exposeHeaders"]).length > 0 ? { ExposeHeaders: texts(rule["exposeHeaders"]) } : {}),
    ...(rule["maxAgeSeconds"] === undefined ? {} : { MaxAgeSeconds: number(rule["maxAgeSeconds"]) }),
    ...(text(rule["id"]) === "" ? {} : { ID: text(rule["id"]) }),
  }));
}

export function corsFromStore(rules: CORSRule[] | undefined): Properties[] {
  return (rules ?? []).map((rule) => ({
    allowedMethods: rule.AllowedMethods ?? [],
    allowedOrigins: rule.AllowedOrigins ?? [],
    ...(rule.AllowedHeaders?.length ? { allowedHeaders: rule.AllowedHeaders } : {}),
    ...(rule.ExposeHeaders?.length ? { exposeHeaders: rule.ExposeHeaders } : {}),
    ...(rule.MaxAgeSeconds ? { maxAgeSeconds: rule.MaxAgeSeconds } : {}),
    ...(rule.ID ? { id: rule.ID } : {}),
  }));
}

export const corsForm = (rules: Json): Json => corsFromStore(corsToStore(rules));
