/** Keys of the runner: the deploy key or probe key, the signing key, and the example keys of the repository. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { parseSecretKey, publicKeyText } from "../../../deployer/build-key.ts";
import { PLACEHOLDER_KEYS } from "../../../inventory/placeholders.ts";
import type { Inventory } from "../../../inventory/schema.ts";
import type { Check, Observation, Problem } from "../../../lib/check.ts";
import { messageOf } from "../../../lib/message-of.ts";
import { parseSshPublicKey } from "../../../lib/ssh-public-key.ts";
import { type DoctorContext, hasOwnFlake, runProgram } from "../context.ts";

const withoutComment = (key: string): string => {
  try {
    return parseSshPublicKey(key).line;
  } catch {
    return key;
  }
};

/** A private file that is missing, or that others can read. */
function fileProblems(file: string, variable: string, make: string): Problem[] {
  if (!existsSync(file)) {
    return [
      {
        what: `${variable} names ${file}, which does not exist`,
        why: "a run cannot use the key",
        fix: `${make}, or correct ${variable}`,
      },
    ];
  }
  if ((statSync(file).mode & 0o077) === 0) return [];
  return [
    {
      what: `${file} can be read by other accounts of this computer`,
      why: "OpenSSH refuses such a key, and whoever reads it can use it",
      fix: `chmod 600 ${file}`,
    },
  ];
}

/** Public keys that the runner can use: of the key file, or of the SSH agent. */
interface RunnerKeys {
  readonly keys: readonly string[];
  /** Where they come from, for messages. */
  readonly from: string;
}

async function runnerKeys(file: string | undefined): Promise<RunnerKeys | Problem> {
  if (file === undefined) {
    const { stdout } = await runProgram(["ssh-add", "-L"]);
    const keys = stdout.split("\n").filter((line) => /^(ssh|ecdsa)-/.test(line));
    if (keys.length > 0) return { keys, from: "the SSH agent" };
    return {
      what: "PANTHEROS_SSH_KEY is not set, and the SSH agent has no key",
      why: "deploys log in to the hosts with this key",
      fix: "set PANTHEROS_SSH_KEY to the file of the deploy key, or ssh-add it",
    };
  }
  const { exitCode, stdout } = await runProgram(["ssh-keygen", "-y", "-P", "", "-f", file]);
  if (exitCode === 0) return { keys: [stdout.trim()], from: file };
  return {
    what: `${file} is not a private SSH key, or has a passphrase`,
    why: "a run never waits for an answer to a prompt",
    fix: `ssh-keygen -p -f ${file} removes the passphrase; or add the key to the SSH agent and unset PANTHEROS_SSH_KEY`,
  };
}

/** Whether the runner's key is one that the inventory admits. */
function deployKeyProblems(
  { keys, from }: RunnerKeys,
  { deploy }: Pick<Inventory, "deploy">,
  { probe, ownFlake }: { readonly probe: string; readonly ownFlake: boolean },
): Observation[] {
  const key = probe === "status" ? "probe_keys" : "authorized_keys";
  const listed = probe === "status" ? deploy.probeKeys : deploy.authorizedKeys;
  if (listed.length === 0 && !ownFlake)
    return [{ note: `[deploy] ${key} is empty: the hosts' keys come from the flake` }];
  const admitted = new Set(listed.map(withoutComment));
  if (keys.some((each) => admitted.has(withoutComment(each)))) {
    const both =
      probe === "status" &&
      keys.some((each) => deploy.authorizedKeys.map(withoutComment).includes(withoutComment(each)));
    return both
      ? [
          {
            what: `the probe key (${from}) is also in [deploy] authorized_keys`,
            why: "whoever has it can deploy, and not only ask for the status",
            fix: "remove it from [deploy] authorized_keys, and run up",
          },
        ]
      : [];
  }
  return [
    {
      what: `the public half of ${from} is not in [deploy] ${key}`,
      why: "no host admits the key",
      fix: `add this line to [deploy] ${key} of the inventory: ${withoutComment(keys[0] ?? "")}`,
    },
  ];
}

/** Whether the signing key is the private half of what the hosts trust. */
function signingKeyProblems(
  text: string,
  file: string,
  publicKey: string | undefined,
  ownFlake: boolean,
): Observation[] {
  const why = "every host refuses a system that a key it does not trust has signed";
  let found: string;
  try {
    found = publicKeyText(parseSecretKey(text));
  } catch (error) {
    return [
      {
        what: `${file}: ${messageOf(error)}`,
        why: "a run cannot sign what it deploys",
        fix: `(umask 077 && nix key generate-secret --key-name fleet-1 > ${file})`,
      },
    ];
  }
  if (publicKey === found) return [];
  if (publicKey === undefined && !ownFlake)
    return [{ note: "[cache] public_key is not set: the hosts' trusted keys come from the flake" }];
  return [
    {
      what:
        publicKey === undefined
          ? "[cache] public_key is not set"
          : `[cache] public_key is not the public half of ${file}`,
      why,
      fix: `set [cache] public_key of the inventory to ${found}`,
    },
  ];
}

/** Example keys of the repository that the inventory still lists. */
function placeholderProblems({ deploy, users }: Pick<Inventory, "deploy" | "users">): Problem[] {
  const lists: [string, readonly string[]][] = [
    ["[deploy] authorized_keys", deploy.authorizedKeys],
    ["[deploy] probe_keys", deploy.probeKeys],
    ...Object.entries(users).map(([name, user]): [string, readonly string[]] => [
      `[users.${name}] authorized_keys`,
      user.authorizedKeys,
    ]),
  ];
  return lists
    .filter(([, keys]) => keys.some((key) => PLACEHOLDER_KEYS.includes(withoutComment(key))))
    .map(([where]) => ({
      what: `${where} has the example key of the repository`,
      why: "it has no private half, so nobody can log in with it",
      fix: `replace it with your own public key: cat ~/.ssh/*.pub`,
    }));
}

export function keyChecks(context: DoctorContext): Check[] {
  const { settings, plan, env } = context;
  const ownFlake = hasOwnFlake(context);
  return [
    {
      name: settings.probe === "status" ? "probe key" : "deploy key",
      run: async () => {
        const file = settings.sshKey;
        const make = `ssh-keygen -t ed25519 -f ${file}`;
        const problems = file === undefined ? [] : fileProblems(file, "PANTHEROS_SSH_KEY", make);
        if (problems.length > 0) return problems;
        const found = await runnerKeys(file);
        return "what" in found
          ? [found]
          : deployKeyProblems(found, plan.inventory, { probe: settings.probe, ownFlake });
      },
    },
    {
      name: "signing key",
      run: () => {
        const file = env["PANTHEROS_SIGNING_KEY"];
        if (!file) {
          return [
            {
              what: "PANTHEROS_SIGNING_KEY is not set",
              why: "hosts accept only systems that are signed",
              fix: "set it to the file of the fleet's key; nix key generate-secret makes one",
            },
          ];
        }
        const make = `(umask 077 && nix key generate-secret --key-name fleet-1 > ${file})`;
        const problems = fileProblems(file, "PANTHEROS_SIGNING_KEY", make);
        if (problems.length > 0) return problems;
        return signingKeyProblems(readFileSync(file, "utf8"), file, plan.inventory.cache.publicKey, ownFlake);
      },
    },
    { name: "example keys", run: () => placeholderProblems(plan.inventory) },
  ];
}
