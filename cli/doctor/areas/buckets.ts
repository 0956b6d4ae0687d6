/** The account at Backblaze B2: what the application key may do, and whether the buckets' names are free or ours. */
import { type ApplicationKey, B2Api } from "../../../clients/b2/api.ts";
import { type BucketState, b2Endpoint, ObjectStore } from "../../../clients/s3/store.ts";
import { VendorError } from "../../../clients/vendor-api.ts";
import type { PlannedBucket } from "../../../inventory/plan.ts";
import {
  CannotCheck,
  type Check,
  missingProblems,
  type Observation,
  type Problem,
  required,
} from "../../../lib/check.ts";
import type { DoctorContext } from "../context.ts";

const KEYS = "secure.backblaze.com, Application Keys, Add a New Application Key";
const VARIABLES = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
const STORE_SECONDS = 15;

/** For the buckets themselves. Source: Backblaze, "S3-Compatible API", capabilities of each call. */
const FOR_BUCKETS = [
  ...["listAllBucketNames", "listBuckets", "readBuckets", "writeBuckets"],
  ...["readBucketEncryption", "writeBucketEncryption"],
];
/** For a state or a cache in B2. */
const FOR_OBJECTS = ["listFiles", "readFiles", "writeFiles", "deleteFiles"];
const ALLOWED = new Set([...FOR_BUCKETS, ...FOR_OBJECTS, "deleteBuckets"]);
/** Rights over other keys: a key with one of them can create a key with every right. */
const KEY_RIGHTS = ["listKeys", "writeKeys", "deleteKeys"];

interface KeyUse {
  /** The state or a cache is in B2, too. */
  readonly objects: boolean;
  /** Region of the inventory. */
  readonly region: string;
}

function keyProblems(key: ApplicationKey, { objects, region }: KeyUse): Problem[] {
  const fix = `make a key for all buckets (${KEYS}; the b2 command line sets single capabilities), and store it`;
  if (key.isMaster) {
    return [
      {
        what: "AWS_ACCESS_KEY_ID is the account's master key",
        why: "the master key does not work with the S3 API",
        fix,
      },
    ];
  }
  const needed = [...FOR_BUCKETS, ...(objects ? FOR_OBJECTS : [])];
  const missing = needed.filter((each) => !key.capabilities.includes(each));
  const extra = key.capabilities.filter(
    (each) => KEY_RIGHTS.includes(each) || (!ALLOWED.has(each) && /^(write|delete|bypass)/.test(each)),
  );
  const own = /^https:\/\/s3\.([a-z0-9-]+)\./.exec(key.s3Url)?.[1];
  return [
    ...(missing.length > 0
      ? [
          {
            what: `the B2 key lacks ${missing.join(", ")}`,
            why: "the run would fail at the first bucket",
            fix,
          },
        ]
      : []),
    ...(extra.length > 0
      ? [
          {
            what: `the B2 key may do more than needed: ${extra.join(", ")}`,
            why: "whoever gets the key can do more than a run does",
            fix,
            level: "warning" as const,
          },
        ]
      : []),
    ...(key.bucket === undefined
      ? []
      : [
          {
            what: `the B2 key is restricted to the bucket ${key.bucket}`,
            why: "it can create no bucket",
            fix,
          },
        ]),
    ...(own === undefined || own === region
      ? []
      : [
          {
            what: `the B2 account is in ${own}, and [storage] region is ${region}`,
            why: "requests are signed for the region, and the account's region refuses others",
            fix: `set [storage] region of the inventory to ${own}`,
          },
        ]),
  ];
}

/** Whether a bucket can be created, or is the stack's already. */
function bucketProblems(
  { key, name }: Pick<PlannedBucket, "key" | "name">,
  state: BucketState,
  recorded: boolean,
): Problem[] {
  if (state === "free" || (state === "own" && recorded)) return [];
  if (state === "foreign") {
    return [
      {
        what: `buckets.${key}.name: "${name}" is the bucket of another customer, or the key may not reach it`,
        why: "bucket names are shared by all customers of B2",
        fix: `choose another name for [buckets.${key}] of the inventory, such as "${name}-${key}"`,
      },
    ];
  }
  return [
    {
      what: `buckets.${key}.name: the account has a bucket "${name}" that the stack did not create`,
      why: "a run creates the bucket and is refused, because it exists",
      fix: `import it (tools/pulumi import), choose another name for [buckets.${key}], or delete the bucket if it is empty`,
    },
  ];
}

const BUCKET_TYPE = "aws:s3/bucket:Bucket";

export function bucketChecks({ plan, env, settings, resources }: DoctorContext): Check[] {
  const { storage } = plan.inventory;
  if (storage === undefined || plan.buckets.length === 0) return [];
  const { region } = storage;
  const onB2 = /backblazeb2\.com/.test(env["PULUMI_BACKEND_URL"] ?? "");
  const objects = onB2 || plan.inventory.cache.push?.startsWith("s3://") === true;
  const why = "the buckets are created with this key";
  const missing = () =>
    missingProblems(env, VARIABLES, why, `make a B2 application key (${KEYS}) and store it`);
  const names = plan.buckets.map(
    (bucket): Check => ({
      name: `bucket ${bucket.name}`,
      run: async () => {
        const store = new ObjectStore({
          endpoint: settings.s3Endpoint ?? b2Endpoint(region),
          region,
          keyId: required(env, "AWS_ACCESS_KEY_ID"),
          secret: required(env, "AWS_SECRET_ACCESS_KEY"),
          timeoutSeconds: STORE_SECONDS,
        });
        try {
          const recorded = (await resources()).some(
            ({ type, id }) => type === BUCKET_TYPE && id === bucket.name,
          );
          return bucketProblems(bucket, await store.bucketState(bucket.name), recorded);
        } finally {
          store.close();
        }
      },
    }),
  );
  return [
    {
      name: "key",
      run: async (): Promise<Observation[]> => {
        const absent = missing();
        if (absent.length > 0) return absent;
        const api = new B2Api({
          endpoint: settings.s3Endpoint,
          keyId: required(env, "AWS_ACCESS_KEY_ID"),
          key: required(env, "AWS_SECRET_ACCESS_KEY"),
          maxAttempts: 2,
        });
        try {
          return keyProblems(await api.applicationKey(), { objects, region });
        } catch (error) {
          if (!(error instanceof VendorError)) throw error;
          if (error.status === 401) {
            return [
              {
                what: "Backblaze B2 refuses the key",
                why,
                fix: `make a B2 application key (${KEYS}) and store it`,
              },
            ];
          }
          if (settings.s3Endpoint === undefined || error.status === undefined || error.status >= 500)
            throw error;
          throw new CannotCheck(
            `${settings.s3Endpoint} does not tell what a key may do: it is not Backblaze B2`,
          );
        }
      },
    },
    ...names,
  ];
}
