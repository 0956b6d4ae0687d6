/** The answers for a new fleet: from the command line, and where it says nothing, from questions or defaults. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import * as z from "zod";
import { parseSecretKey, publicKeyText } from "../../deployer/build-key.ts";
import { cidr, domainName, label, nixPublicKey, sshPublicKey } from "../../inventory/primitives.ts";
import { UsageError } from "../exit-codes.ts";
import {
  ADOPTED_FORM,
  type Answers,
  CREATED_FORMS,
  type HostAnswer,
  parseHost,
  parseHostKey,
} from "./answers.ts";
import type { Ask, Question } from "./questions.ts";

/** Options of the command; each is undefined when it was not given. */
export interface InitOptions {
  readonly stack?: string | undefined;
  readonly domain?: string | undefined;
  readonly vault?: string | undefined;
  readonly deployKey?: string | undefined;
  readonly signingKey?: string | undefined;
  readonly host?: readonly string[] | undefined;
  readonly hostKey?: readonly string[] | undefined;
  readonly source?: readonly string[] | undefined;
  readonly address?: "tailnet" | "public" | undefined;
  readonly zone?: string | undefined;
  readonly region?: string | undefined;
  readonly bucketPrefix?: string | undefined;
  readonly tailnet?: string | undefined;
  readonly suffix?: string | undefined;
  readonly admin?: readonly string[] | undefined;
}

/** Checks a text by its schema. @throws Error with what is allowed */
const checked =
  <T>(schema: z.ZodType<T>) =>
  (text: string): T => {
    const found = schema.safeParse(text);
    if (found.success) return found.data;
    throw new Error(`"${text}": ${found.error.issues.map(({ message }) => message).join("; ")}`);
  };

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

/** A list whose every word is checked. */
const each =
  <T>(parse: (word: string) => T) =>
  (text: string): T[] =>
    words(text).map(parse);

const nonEmpty =
  <T>(parse: (text: string) => T[], what: string) =>
  (text: string): T[] => {
    const found = parse(text);
    if (found.length === 0) throw new Error(`name at least one ${what}`);
    return found;
  };

/** Hosts of different names. */
const distinct =
  (parse: (text: string) => HostAnswer[]) =>
  (text: string): HostAnswer[] => {
    const found = parse(text);
    const twice = found.find(({ name }, at) => found.findIndex((other) => other.name === name) !== at);
    if (twice !== undefined) throw new Error(`two hosts have the name "${twice.name}"`);
    return found;
  };

/** The same, where an empty text means that the part is left out. */
const optional =
  <T>(parse: (text: string) => T) =>
  (text: string): T | undefined =>
    text === "" ? undefined : parse(text);

/** The path of a file as a shell reads it. */
const expanded = (file: string): string => file.replace(/^~(?=\/)/, homedir());

function readText(file: string, make: string): string {
  if (!existsSync(expanded(file))) throw new Error(`${file} does not exist; make it: ${make}`);
  return readFileSync(expanded(file), "utf8").trim();
}

const KEYGEN = "ssh-keygen -t ed25519 -f ~/.ssh/pantheros-deploy";
const NIX_KEY =
  "mkdir -p ~/.config/pantheros && (umask 077 && nix key generate-secret --key-name fleet-1 > ~/.config/pantheros/signing-key)";

/** A public key, or the file that has it. The private file itself is not read. */
function deployKeyOf(text: string): string {
  if (/^(ssh|ecdsa)-/.test(text)) return checked(sshPublicKey)(text);
  const file = text.endsWith(".pub") ? text : `${text}.pub`;
  return checked(sshPublicKey)(readText(file, KEYGEN));
}

/** The public half of the fleet's key; of a secret key in a file only this is kept. */
function signingKeyOf(text: string): string {
  if (nixPublicKey.safeParse(text).success) return text;
  const found = readText(text, NIX_KEY);
  const isSecret = Buffer.from(found.split(":")[1] ?? "", "base64").length === 64;
  return isSecret ? publicKeyText(parseSecretKey(found)) : checked(nixPublicKey)(found);
}

const REGION = z.string().regex(/^[a-z]+-[a-z]+-\d{3}$/, 'not a B2 region such as "eu-central-003"');

interface Sources {
  readonly options: InitOptions;
  /** Undefined: nothing can be asked. */
  readonly ask: Ask | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** Reads the answers. Without a terminal every needed option must be given. @throws UsageError that names the options */
export async function collectAnswers({ options, ask, env }: Sources): Promise<Answers> {
  const missing: string[] = [];
  const failed: string[] = [];

  /** The option's value, or that of the question. `given` has priority; a list is joined by blanks. */
  const answer = async <T>(question: Question<T>, given: string | undefined, needed: boolean): Promise<T> => {
    const text = given ?? (ask === undefined ? question.fallback : undefined);
    if (text !== undefined || (ask === undefined && !needed)) {
      try {
        return question.parse(text ?? "");
      } catch (error) {
        failed.push(`${question.option}: ${(error as Error).message}`);
      }
    } else if (ask !== undefined) return ask(question);
    else missing.push(question.option);
    return undefined as T; // never used: the function ends with an error
  };
  const joined = (list: readonly string[] | undefined) => list?.join(" ");

  const stack = await answer(
    {
      option: "--stack",
      text: "Name of the stack and its environment",
      fallback: "production",
      parse: checked(label),
    },
    options.stack,
    true,
  );
  const domain = await answer(
    { option: "--domain", text: "Domain of the fleet", parse: checked(domainName) },
    options.domain,
    true,
  );
  const vault = await answer(
    {
      option: "--vault",
      text: "1Password vault of the program; hosts cannot read it",
      fallback: "pantherOS",
      parse: checked(z.string().regex(/^[^/]+$/, "a vault's name, without slashes")),
    },
    options.vault,
    true,
  );
  const keyFile = env["PANTHEROS_SSH_KEY"] || "~/.ssh/pantheros-deploy";
  const deployKey = await answer(
    {
      option: "--deploy-key",
      text: "Deploy key: its public line or file",
      fallback: keyFile,
      parse: deployKeyOf,
    },
    options.deployKey,
    true,
  );
  const signing = env["PANTHEROS_SIGNING_KEY"] || "~/.config/pantheros/signing-key";
  const signingKey = await answer(
    {
      option: "--signing-key",
      text: "Signing key: its public half or file",
      fallback: signing,
      parse: signingKeyOf,
    },
    options.signingKey,
    true,
  );
  const hosts = await answer(
    {
      option: "--host",
      text: `Hosts: ${CREATED_FORMS.join(" or ")} to create, ${ADOPTED_FORM} to adopt, separated by blanks`,
      parse: distinct(nonEmpty(each(parseHost), "host")),
    },
    joined(options.host),
    true,
  );
  const hostKeys = await hostKeysOf(hosts ?? [], options.hostKey ?? [], { ask, failed });
  const sources = await answer(
    {
      option: "--source",
      text: "Networks of the runner that may reach sshd during an installation, such as 198.51.100.7/32 (empty: none)",
      fallback: "",
      parse: each(checked(cidr)),
    },
    joined(options.source),
    false,
  );
  const zone = await answer(
    {
      option: "--zone",
      text: "Zone at Cloudflare (empty: no DNS)",
      parse: optional(checked(domainName)),
      ...(ask && { fallback: domain }),
    },
    options.zone,
    false,
  );
  const region = await answer(
    {
      option: "--region",
      text: "Region of Backblaze B2, such as eu-central-003 (empty: no buckets)",
      parse: optional(checked(REGION)),
    },
    options.region,
    false,
  );
  const bucketPrefix =
    options.bucketPrefix ?? (domain ?? "").replaceAll(".", "-").slice(0, 40).replace(/-$/, "");
  const tailnet = await answer(
    { option: "--tailnet", text: "Name of the tailnet (empty: no tailnet)", parse: optional((text) => text) },
    options.tailnet,
    false,
  );
  const suffix =
    tailnet === undefined
      ? undefined
      : await answer(
          {
            option: "--suffix",
            text: "MagicDNS suffix, such as tail1234.ts.net",
            parse: checked(domainName),
          },
          options.suffix,
          true,
        );
  const admins =
    tailnet === undefined
      ? undefined
      : await answer(
          {
            option: "--admin",
            text: "Logins of its administrators",
            parse: nonEmpty(each(checked(z.email())), "login"),
          },
          joined(options.admin),
          true,
        );
  if (missing.length > 0) {
    throw new UsageError(
      `init: standard input is not a terminal, so nothing can be asked: give ${missing.join(", ")}; tools/pantheros init --help explains each`,
    );
  }
  if (failed.length > 0) throw new UsageError(failed.map((line) => `init: ${line}`).join("\n"));
  return {
    stack,
    domain,
    vault,
    deployKeys: [deployKey],
    signingKey,
    hosts,
    hostKeys,
    sources: sources ?? [],
    address: options.address ?? (tailnet === undefined ? "public" : "tailnet"),
    zone,
    region,
    bucketPrefix,
    tailnet: tailnet && suffix && admins ? { name: tailnet, suffix, admins } : undefined,
  };
}

/** The host keys of adopted machines. One that is not known yet can be added to nix/known_hosts later. */
async function hostKeysOf(
  hosts: readonly HostAnswer[],
  given: readonly string[],
  { ask, failed }: { readonly ask: Ask | undefined; readonly failed: string[] },
): Promise<Record<string, string>> {
  const keys = new Map<string, string>();
  for (const text of given) {
    try {
      const [name, key] = parseHostKey(text);
      if (!hosts.some((host) => host.name === name && host.kind === "existing"))
        throw new Error(`--host names no adopted machine ${name}`);
      keys.set(name, key);
    } catch (error) {
      failed.push(`--host-key: ${(error as Error).message}`);
    }
  }
  for (const { name, kind } of hosts) {
    if (ask === undefined || kind === "created" || keys.has(name)) continue;
    const key = await ask({
      option: "--host-key",
      text: `Host key of ${name}, from its console: cat /etc/ssh/ssh_host_ed25519_key.pub (empty: pin it in nix/known_hosts later)`,
      parse: optional(checked(sshPublicKey)),
    });
    if (key !== undefined) keys.set(name, key);
  }
  return Object.fromEntries(keys);
}

/** For messages: where a relative path leads. */
export const shownPath = (file: string, root: string): string => {
  const inside = path.relative(root, file);
  return inside.startsWith("..") ? file : inside;
};
