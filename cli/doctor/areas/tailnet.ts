/** The tailnet: credentials, their scopes, and who owns its policy. */
import { clientRights, type Policy, readPolicy } from "../../../clients/tailscale/account.ts";
import { TailscaleApi, tailscaleCredentials } from "../../../clients/tailscale/api.ts";
import { type Device, listDevices } from "../../../clients/tailscale/devices.ts";
import { VendorError } from "../../../clients/vendor-api.ts";
import {
  CannotCheck,
  type Check,
  missingProblems,
  type Observation,
  type Problem,
} from "../../../lib/check.ts";
import { messageOf } from "../../../lib/message-of.ts";
import type { DoctorContext } from "../context.ts";

const CLIENTS = "login.tailscale.com/admin/settings/oauth";
const NEEDED = ["auth_keys", "devices:core", "dns", "policy_file"];
const TAG = "tag:pantheros";
const POLICY_TYPE = "tailscale:index/acl:Acl";

/** Scopes and tag of the OAuth client. */
function rightsProblems(scopes: readonly string[], tags: readonly string[]): Problem[] {
  const wanted = `a client with the scopes ${NEEDED.join(", ")} and the tag ${TAG}`;
  const fix = `make ${wanted} (${CLIENTS}), and store its id and secret`;
  const missing = scopes.includes("all") ? [] : NEEDED.filter((scope) => !scopes.includes(scope));
  const extra = scopes.filter((scope) => !NEEDED.includes(scope));
  return [
    ...(missing.length > 0
      ? [
          {
            what: `the OAuth client lacks the scopes ${missing.join(", ")}`,
            why: "the run would fail when it needs them",
            fix,
          },
        ]
      : []),
    ...(extra.length > 0
      ? [
          {
            what: `the OAuth client has more scopes than needed: ${extra.join(", ")}`,
            why: "whoever gets its secret can do more than a run does",
            fix,
            level: "warning" as const,
          },
        ]
      : []),
    ...(tags.includes(TAG)
      ? []
      : [
          {
            what: `the OAuth client is not tagged ${TAG}`,
            why: "it may then make no key with the hosts' tags",
            fix,
          },
        ]),
  ];
}

/** The policy of a tailnet that nobody has changed: one rule, from everyone to everyone. */
function isDefault({ acls, grants, tagOwners, ...rest }: Policy): boolean {
  if (Object.keys(tagOwners).length > 0) return false;
  const rules = JSON.stringify(grants ?? acls ?? []);
  const open = ['[{"action":"accept","src":["*"],"dst":["*:*"]}]', '[{"src":["*"],"dst":["*"],"ip":["*"]}]'];
  return open.includes(rules) && !("groups" in rest) && !("hosts" in rest) && !("tests" in rest);
}

interface PolicyUse {
  /** This stack owns the policy. */
  readonly owns: boolean;
  /** A run of it has written the policy before. */
  readonly written: boolean;
  /** The credentials are an OAuth client, which has a tag. */
  readonly tagged: boolean;
}

/** Whether the run may write the policy, or finds the tags that another stack's run has written. */
function policyProblems(policy: Policy, { owns, written, tagged }: PolicyUse): Problem[] {
  const hasTag = !tagged || Object.hasOwn(policy.tagOwners, TAG);
  const tag: Problem = {
    what: `the tailnet's policy does not define ${TAG}`,
    why: "the OAuth client has this tag, and makes keys only with tags that the tag owns",
    fix: `add "${TAG}": ["autogroup:admin"] to tagOwners (login.tailscale.com/admin/acls)${owns ? "" : ", and run up for the stack with owns_singletons first"}`,
  };
  if (written || !owns || isDefault(policy)) return hasTag ? [] : [tag];
  const foreign: Problem = {
    what: "the tailnet has a policy that this stack did not write",
    why: "a run replaces only the policy of a new tailnet, so it stops at tailnet-policy",
    fix: "import the policy: docs/operations.md, Take over an existing tailnet policy; if only the tag was added, restore the default and make the first run with an API access token (TAILSCALE_API_KEY)",
  };
  return [foreign, ...(hasTag ? [] : [tag])];
}

/** Whether the devices' names end in the inventory's suffix. */
function suffixProblems(devices: readonly Device[], suffix: string): Problem[] {
  const [other] = devices
    .map(({ name }) => name.slice(name.indexOf(".") + 1))
    .filter((each) => each !== suffix);
  if (other === undefined || devices.some(({ name }) => name.endsWith(`.${suffix}`))) return [];
  return [
    {
      what: `the tailnet's names end in ${other}, and not in ${suffix}`,
      why: "deploys would look for hosts under names that do not exist",
      fix: `set [tailnet] suffix of the inventory to ${other}`,
    },
  ];
}

export function tailnetChecks({ plan, env, vendorConfig, resources }: DoctorContext): Check[] {
  const { tailnet } = plan.inventory;
  if (tailnet === undefined) return [];
  const endpoint = vendorConfig("tailscale:baseUrl") ?? env["TAILSCALE_BASE_URL"];
  const api = () => {
    try {
      return new TailscaleApi({
        maxAttempts: 2,
        ...(endpoint !== undefined && { endpoint }),
        credentials: tailscaleCredentials(env),
        scope: "devices:core",
      });
    } catch (error) {
      throw new CannotCheck(messageOf(error));
    }
  };
  const client = env["TAILSCALE_OAUTH_CLIENT_ID"];
  return [
    {
      name: "credentials",
      run: async () => {
        if (env["TAILSCALE_API_KEY"]) {
          if (client) {
            return [
              {
                what: "TAILSCALE_API_KEY and TAILSCALE_OAUTH_CLIENT_ID are both set",
                why: "the provider refuses both together",
                fix: "unset TAILSCALE_API_KEY",
              },
            ];
          }
          await listDevices(api(), "-");
          return [{ note: "TAILSCALE_API_KEY has all rights of its owner; an OAuth client can have fewer" }];
        }
        const variables = ["TAILSCALE_OAUTH_CLIENT_ID", "TAILSCALE_OAUTH_CLIENT_SECRET"];
        const why = "keys, devices and the policy are managed with it";
        const missing = missingProblems(env, variables, why, `make an OAuth client (${CLIENTS})`);
        if (missing.length > 0) return missing;
        try {
          const rights = await clientRights(api(), client ?? "");
          return rightsProblems(rights.scopes, rights.tags ?? []);
        } catch (error) {
          if (!(error instanceof VendorError) || error.status !== 401) throw error;
          return [
            {
              what: "Tailscale refuses the OAuth client",
              why,
              fix: `make a client (${CLIENTS}), and store its id and secret`,
            },
          ];
        }
      },
    },
    {
      name: "name",
      run: (): Observation[] => {
        const given = env["TAILSCALE_TAILNET"];
        if (!given || given === "-" || given === tailnet.name) return [];
        return [
          {
            what: `TAILSCALE_TAILNET is ${given}, and [tailnet] name is ${tailnet.name}`,
            why: "the run would change another tailnet than the inventory's",
            fix: `set TAILSCALE_TAILNET to ${tailnet.name}, or correct [tailnet] name`,
          },
        ];
      },
    },
    {
      name: "policy",
      run: async () => {
        const written = (await resources()).some(({ type }) => type === POLICY_TYPE);
        return policyProblems(await readPolicy(api()), {
          owns: plan.settings.ownsSingletons,
          written,
          tagged: !env["TAILSCALE_API_KEY"],
        });
      },
    },
    { name: "suffix", run: async () => suffixProblems(await listDevices(api(), "-"), tailnet.suffix) },
  ];
}
