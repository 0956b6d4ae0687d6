/** 1Password: the service account of the deploys, its vaults, and the items that the inventory names. */
import * as z from "zod";
import { hostVault } from "../../../inventory/vaults.ts";
import {
  CannotCheck,
  type Check,
  missingProblems,
  type Observation,
  type Problem,
} from "../../../lib/check.ts";
import { firstNames } from "../../../lib/names.ts";
import { Semaphore } from "../../../lib/semaphore.ts";
import { type DoctorContext, runProgram } from "../context.ts";

const TOKEN = "OP_SERVICE_ACCOUNT_TOKEN";
const ACCOUNTS = "1Password, Developer, Service accounts";
/** A service account has a limit of requests per hour (1Password, "Service account rate limits"). */
const MAX_AT_ONCE = 4;

const vaults = z.array(z.object({ name: z.string() }));
const item = z.object({
  fields: z
    .array(
      z.object({
        id: z.string(),
        label: z.string().optional(),
        section: z.object({ id: z.string(), label: z.string().optional() }).optional(),
        value: z.string().optional(),
      }),
    )
    .default([]),
});
type Item = z.infer<typeof item>;

const same = (a: string | undefined, b: string | undefined): boolean => a?.toLowerCase() === b?.toLowerCase();

/** `op://VAULT/ITEM/[SECTION/]FIELD` (1Password, "Secret reference syntax"). */
function parseReference(reference: string): {
  readonly vault: string;
  readonly item: string;
  readonly section?: string | undefined;
  readonly field: string;
} {
  const [vault = "", title = "", ...rest] = reference.slice("op://".length).split("/");
  return { vault, item: title, section: rest.length > 1 ? rest[0] : undefined, field: rest.at(-1) ?? "" };
}

/** The value of a reference's field; undefined when there is none. */
function fieldValue({ fields }: Item, reference: string): string | undefined {
  const { section, field } = parseReference(reference);
  return fields.find(
    (each) =>
      (same(each.label, field) || same(each.id, field)) &&
      (section === undefined || same(each.section?.label ?? each.section?.id, section)),
  )?.value;
}

/** Vaults that the account lacks, and those that nothing of the inventory names. */
function vaultProblems(
  seen: readonly string[],
  needed: readonly string[],
  known: readonly string[],
): Problem[] {
  const missing = needed.filter((name) => !seen.some((each) => same(each, name)));
  const extra = seen.filter((name) => ![...needed, ...known].some((each) => same(each, name)));
  return [
    ...missing.map((name) => ({
      what: `the service account of the deploys does not see the vault ${name}`,
      why: "the run reads the inventory's secrets from it, or stores new keys there",
      fix: `op vault create "${name}" if there is none, and make a service account that may use it (${ACCOUNTS})`,
    })),
    ...(extra.length > 0
      ? [
          {
            what: `the service account of the deploys also sees ${firstNames(extra)}`,
            why: "whoever gets its token can read these vaults, which a run does not need",
            fix: `make a service account for ${needed.join(" and ")} only (${ACCOUNTS})`,
            level: "warning" as const,
          },
        ]
      : []),
  ];
}

/** Programs of `op` at the same time. */
const slots = new Semaphore(MAX_AT_ONCE);

/** 1Password as the token of an environment sees it. */
class Account {
  readonly #program: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(program: string, env: Readonly<Record<string, string>> = {}) {
    this.#program = program;
    this.#env = env;
  }

  /** What `op` printed, or its error message. */
  async run(words: readonly string[]): Promise<{ readonly stdout: string } | { readonly error: string }> {
    await slots.acquire();
    try {
      const { exitCode, stdout, stderr } = await runProgram(
        [this.#program, ...words, "--format", "json"],
        this.#env,
      );
      if (exitCode === 0) return { stdout };
      const line = stderr.trim().split("\n").at(-1) ?? "";
      return { error: line.replace(/^\[ERROR\] \S+ \S+ /, "") || `exit code ${exitCode}` };
    } finally {
      slots.release();
    }
  }

  async vaultNames(): Promise<readonly string[] | { readonly error: string }> {
    const ran = await this.run(["vault", "list"]);
    return "error" in ran ? ran : vaults.parse(JSON.parse(ran.stdout)).map(({ name }) => name);
  }

  /** An item; undefined when there is none. @throws CannotCheck */
  async item(reference: string): Promise<Item | undefined> {
    const { vault, item: title } = parseReference(reference);
    const ran = await this.run(["item", "get", title, "--vault", vault]);
    if ("stdout" in ran) return item.parse(JSON.parse(ran.stdout));
    if (/isn't (an item|a vault)/.test(ran.error)) return undefined;
    throw new CannotCheck(`op: ${ran.error}`);
  }
}

/** The item's name in a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function itemProblems(reference: string, found: Item | undefined, hosts: readonly string[]): Problem[] {
  const { vault, item: title, field } = parseReference(reference);
  const value = found && fieldValue(found, reference);
  if (value !== undefined && value !== "") return [];
  const what =
    found === undefined
      ? `1Password has no item ${title} in the vault ${vault}`
      : value === undefined
        ? `the item ${title} of the vault ${vault} has no field ${field}`
        : `the field ${field} of the item ${title} in the vault ${vault} is empty`;
  // The value is read from the terminal, so that it is in no command line.
  const fix =
    found === undefined
      ? `op item create --category password --title ${quoted(title)} --vault ${quoted(vault)}, and set its field ${field} in 1Password`
      : `set the field ${field} of the item in 1Password`;
  return [
    {
      what,
      why: `${firstNames(hosts)} ${hosts.length === 1 ? "gets" : "get"} the secret from it before the deploy`,
      fix,
    },
  ];
}

export function vaultChecks({ plan, env }: DoctorContext): Check[] {
  const { fleet, secrets } = plan.inventory;
  const program = env["OP_CLI_PATH"] || "op";
  const account = new Account(program);
  const references = new Map<string, string[]>();
  for (const { reference, host } of plan.secrets)
    references.set(reference, [...(references.get(reference) ?? []), host]);
  const items = new Map<string, Promise<Item | undefined>>();
  const itemOf = (reference: string) => {
    const known = items.get(reference) ?? account.item(reference);
    items.set(reference, known);
    return known;
  };
  const needed = [
    ...new Set([
      fleet.vault,
      ...Object.values(secrets).map(({ reference }) => parseReference(reference).vault),
    ]),
  ];
  const ofHosts = Object.keys(plan.inventory.hosts).flatMap((name) => hostVault(plan.inventory, name) ?? []);
  const hasToken = () => {
    if (!env[TOKEN]) throw new CannotCheck(`${TOKEN} is not set`);
  };
  const secretChecks = [...references].map(
    ([reference, hosts]): Check => ({
      name: `item ${parseReference(reference).item}`,
      run: async () => {
        hasToken();
        return itemProblems(reference, await itemOf(reference), hosts);
      },
    }),
  );
  /** A host's own service account must read its vault, and none but this. */
  const hostChecks = plan.secrets
    .filter(({ name }) => name === "opnix-token")
    .map(
      ({ host, reference }): Check => ({
        name: `service account of ${host}`,
        run: async () => {
          hasToken();
          const found = await itemOf(reference);
          const token = found && fieldValue(found, reference);
          if (!token) throw new CannotCheck("its token is not in 1Password");
          const seen = await new Account(program, { [TOKEN]: token }).vaultNames();
          const fix = `make a service account that reads the vault ${hostVault(plan.inventory, host)} only (${ACCOUNTS}), and store its token in ${reference}`;
          if ("error" in seen) {
            return [
              {
                what: `1Password refuses the service account of ${host}: ${seen.error}`,
                why: `${host} could read no secret`,
                fix,
              },
            ];
          }
          return hostVaultProblems(host, seen, hostVault(plan.inventory, host) ?? "", fix);
        },
      }),
    );
  return [
    {
      name: "service account",
      run: async (): Promise<Observation[]> => {
        const make = `make a service account for ${needed.join(" and ")} (${ACCOUNTS})`;
        const why = "secrets are read from 1Password, and new keys stored there";
        const absent = missingProblems(env, [TOKEN], why, make);
        if (absent.length > 0) return absent;
        const seen = await account.vaultNames();
        if (!("error" in seen)) return vaultProblems(seen, needed, ofHosts);
        if (!/401|invalid|DecodeSACredentials|Unauthorized/i.test(seen.error))
          throw new CannotCheck(`op: ${seen.error}`);
        return [{ what: `1Password refuses ${TOKEN}: ${seen.error}`, why, fix: make }];
      },
    },
    ...secretChecks,
    ...hostChecks,
  ];
}

/** Whether a host's service account reads its vault and no other. */
function hostVaultProblems(host: string, seen: readonly string[], own: string, fix: string): Problem[] {
  const others = seen.filter((name) => !same(name, own));
  return [
    ...(seen.some((name) => same(name, own))
      ? []
      : [
          {
            what: `the service account of ${host} does not read the vault ${own}`,
            why: `${host} could read no secret`,
            fix,
          },
        ]),
    ...(others.length > 0
      ? [
          {
            what: `the service account of ${host} also reads ${firstNames(others)}`,
            why: `whoever takes over ${host} could read these vaults`,
            fix,
          },
        ]
      : []),
  ];
}
