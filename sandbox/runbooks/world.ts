/** The running sandbox as the rehearsals see it. */
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { layoutOf } from "../cli/layout.ts";
import { readOutputs, stackExists } from "../cli/stack.ts";
import { type Shown, stream } from "../cli/stream.ts";
import { removeTailnetKeys } from "../cli/vault.ts";
import { sandboxVariables } from "../cli/vendors.ts";
import { attempt, run } from "../machines/command.ts";
import type { SandboxContext } from "../machines/keeper.ts";
import { Machines } from "../machines/machines.ts";
import { driverNamespace, netnsExec } from "../network/names.ts";
import { grantHosts } from "../vendors/onepassword/accounts.ts";
import { findItem, touch } from "../vendors/onepassword/items.ts";
import { readReference } from "../vendors/onepassword/references.ts";
import { parseReference, seedVault } from "../vendors/onepassword/seed.ts";
import { changeVault, readVault } from "../vendors/onepassword/vault-file.ts";
import { parseSecrets } from "../vendors/secrets.ts";
import { DUMP_SECRETS, rehearsalFiles } from "./fleet.ts";
import { writeMark } from "./mark.ts";
import type { World } from "./types.ts";

/** Bounds of a step, and of a command whose output is read. */
const STEP_SECONDS = 1800;
const READ_SECONDS = 120;
/** Vault of the hosts' service accounts, and the one that they may read. */
const VAULT = "sandbox";
const HOSTS_VAULT = "sandbox-hosts";

const preview = z.object({
  steps: z.array(z.object({ op: z.string(), urn: z.string() })).default([]),
});

/** What a preview in JSON would change, as `operation resource`. */
export function previewedChanges(text: string): readonly string[] {
  return preview
    .parse(JSON.parse(text.slice(text.indexOf("{"))))
    .steps.filter(({ op }) => !["same", "read", "refresh"].includes(op))
    .map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`);
}

/** Variables of every command: the sandbox, and the fleet of the rehearsals. */
function rehearsalVariables(context: SandboxContext): Readonly<Record<string, string>> {
  const { checkout, inventory } = rehearsalFiles(context.directory);
  return {
    ...sandboxVariables(context),
    PANTHEROS_FLEET: inventory,
    PANTHEROS_FLAKE: `path:${join(checkout, "nix")}`,
  };
}

/** Puts the values into the vault that the rehearsals' fleet reads besides the sandbox's; existing ones stay. */
export function seedDumpSecrets(sandbox: string): void {
  const { vault, secrets: file } = layoutOf(sandbox);
  const secrets = parseSecrets(readFileSync(file, "utf8"));
  const credentials = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    .map((name) => `${name}=${secrets[name]}`)
    .join("\n");
  const password = parseReference(DUMP_SECRETS["backup-password"]);
  const credential = parseReference(DUMP_SECRETS["b2-dumps"]);
  seedVault(
    vault,
    secrets["OP_SERVICE_ACCOUNT_TOKEN"] ?? "",
    [VAULT],
    [
      { ...password, value: () => randomBytes(24).toString("base64url") },
      { ...credential, value: () => credentials },
    ],
  );
}

/** @param shown where the output of steps goes */
export function sandboxWorld(context: SandboxContext, shown: Shown): World {
  const layout = layoutOf(context.directory);
  const files = rehearsalFiles(context.directory);
  const machines = new Machines(context);
  const env = {
    ...process.env,
    ...rehearsalVariables(context),
    NIX_CONFIG: `experimental-features = nix-command flakes\n${process.env["NIX_CONFIG"] ?? ""}`,
    NIX_CACHE_HOME: join(context.directory, "nix-cache"),
  };
  const type = async (line: string): Promise<void> => {
    const code = await stream(["sh", "-c", line], {
      cwd: context.repository,
      env,
      seconds: STEP_SECONDS,
      shown,
    });
    if (code !== 0) throw new Error(`${line}: exit code ${code}`);
  };
  const wrapper = (...words: readonly string[]) =>
    run([join(context.repository, "tools/pulumi"), ...words, "--stack", "sandbox"], {
      step: `pulumi ${words[0]}`,
      env,
      timeout: READ_SECONDS * 1000,
    });
  return {
    checkout: files.checkout,
    origin: files.origin,
    copies: files.copies,
    type,
    secret(name) {
      const value = parseSecrets(readFileSync(layout.secrets, "utf8"))[name];
      if (value === undefined || value === "") throw new Error(`${layout.secrets}: no ${name}`);
      return value;
    },
    read: (argv, input) =>
      attempt(netnsExec(driverNamespace(context.name), argv), {
        step: argv[0] ?? "",
        env,
        timeout: READ_SECONDS * 1000,
        ...(input !== undefined && { input }),
      }),
    async onHost(host, script, input) {
      if (machines.state(host) !== "running")
        return { code: 1, stdout: "", stderr: `machine ${host} is ${machines.state(host)}` };
      return attempt(machines.shellCommand(host, ["sh", "-c", script]), {
        step: host,
        timeout: READ_SECONDS * 1000,
        ...(input !== undefined && { input }),
      });
    },
    outputs: async () => (stackExists(context) ? readOutputs(context) : undefined),
    changes: async () => previewedChanges(await wrapper("preview", "--json")),
    vault: {
      read: (reference) => readReference(readVault(layout.vault), reference),
      titles: () => readVault(layout.vault).vaults.flatMap(({ items }) => items.map(({ title }) => title)),
      removeTailnetKeys: () => removeTailnetKeys(layout),
      rotateAccount(host) {
        const title = `${host} service account`;
        changeVault(layout.vault, (file) => {
          file.serviceAccounts = file.serviceAccounts.filter(({ name }) => name !== host);
          const { vault, item } = findItem(file, title, VAULT);
          const field = item.fields.find(({ label }) => label === "credential");
          if (field === undefined) throw new Error(`${title}: no field credential`);
          field.value = `ops_${randomBytes(48).toString("base64url")}`;
          touch(vault, item);
        });
        grantHosts(layout.vault, [
          { host, reference: `op://${VAULT}/${title}/credential`, vaults: [HOSTS_VAULT] },
        ]);
      },
    },
    startVendors: () => type("tools/pantheros sandbox up --no-deploy"),
    async loseEverything() {
      writeMark(context.directory, { name: "disaster", removing: true });
      await type("tools/pantheros sandbox down --force --keep");
      rmSync(files.checkout, { recursive: true, force: true });
      writeMark(context.directory, { name: "disaster", removing: false });
    },
  };
}
