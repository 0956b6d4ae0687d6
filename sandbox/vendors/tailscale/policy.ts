import { isIP } from "node:net";
import { messageOf } from "../../../lib/message-of.ts";
import { parseHujson } from "./hujson.ts";

type Json = Record<string, unknown>;

/** A policy file; sections that are absent are empty. */
interface Policy {
  groups: Record<string, string[]>;
  hosts: Record<string, string>;
  tagOwners: Record<string, string[]>;
  rules: { where: string; src: string[]; dst: string[] }[];
  accept: { src: string[]; dst: string[] }[];
  ssh: { where: string; src: string[]; dst: string[]; action: string; users: string[] }[];
  tests: { src: string; accept: string[]; deny: string[] }[];
  autoApprovers: string[];
}

const SECTIONS = [
  "acls",
  "grants",
  "groups",
  "hosts",
  "tagOwners",
  "autoApprovers",
  "ssh",
  "nodeAttrs",
  "tests",
  "sshTests",
  "postures",
  "defaultSrcPosture",
  "ipsets",
  "derpMap",
  "disableIPv4",
  "OneCGNATRoute",
  "randomizeClientPort",
  "attrConfig",
];
const AUTOGROUPS = [
  "admin",
  "member",
  "owner",
  "it-admin",
  "network-admin",
  "billing-admin",
  "auditor",
  "tagged",
  "self",
  "internet",
  "nonroot",
  "shared",
  "danger-all",
];

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const objects = (value: unknown): Json[] =>
  Array.isArray(value) ? value.filter((each): each is Json => typeof each === "object" && each !== null) : [];
const record = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const lists = (value: unknown) =>
  Object.fromEntries(Object.entries(record(value)).map(([key, entry]) => [key, list(entry)]));

/** Section names are case-insensitive (`ACLs` and `acls` both occur). */
function sectionsOf(value: Json): { found: Map<string, unknown>; unknown: string[] } {
  const byLower = new Map(SECTIONS.map((name) => [name.toLowerCase(), name]));
  const found = new Map<string, unknown>();
  const unknown: string[] = [];
  for (const [key, entry] of Object.entries(value)) {
    const name = byLower.get(key.toLowerCase());
    if (name === undefined) unknown.push(key);
    else found.set(name, entry);
  }
  return { found, unknown };
}

function readPolicy(found: Map<string, unknown>): Policy {
  const acls = objects(found.get("acls"));
  const grants = objects(found.get("grants"));
  const accept = acls.map((rule) => ({
    src: list(rule.src ?? rule.users),
    dst: list(rule.dst ?? rule.ports),
  }));
  const granted = grants.map((rule) => {
    const ports = list(rule.ip).map((ip) => (ip === "*" ? "*" : ip.replace(/^(tcp|udp):/, "")));
    return { src: list(rule.src), dst: list(rule.dst).flatMap((to) => ports.map((port) => `${to}:${port}`)) };
  });
  const approvers = record(found.get("autoApprovers"));
  return {
    groups: lists(found.get("groups")),
    hosts: record(found.get("hosts")) as Record<string, string>,
    tagOwners: lists(found.get("tagOwners")),
    rules: [
      ...accept.map((rule, index) => ({ where: `acls[${index}]`, ...rule, dst: rule.dst.map(withoutPorts) })),
      ...grants.map((rule, index) => ({
        where: `grants[${index}]`,
        src: list(rule.src),
        dst: list(rule.dst),
      })),
    ],
    accept: [...accept, ...granted],
    ssh: objects(found.get("ssh")).map((rule, index) => ({
      where: `ssh[${index}]`,
      src: list(rule.src),
      dst: list(rule.dst),
      action: String(rule.action ?? ""),
      users: list(rule.users),
    })),
    tests: objects(found.get("tests")).map((test) => ({
      src: String(test.src ?? test.user ?? ""),
      accept: list(test.accept ?? test.allow),
      deny: list(test.deny),
    })),
    autoApprovers: [...Object.values(lists(approvers.routes)).flat(), ...list(approvers.exitNode)],
  };
}

const withoutPorts = (destination: string) => destination.replace(/:[^:\]]*$/, "");
const isAddress = (text: string) => isIP(text.split("/")[0]?.replace(/[[\]]/g, "") ?? "") !== 0;

/** The problem with a subject of a rule; undefined when it is valid. */
function subjectProblem(policy: Policy, subject: string): string | undefined {
  if (subject === "*" || isAddress(subject) || subject.startsWith("ipset:") || subject.startsWith("svc:"))
    return undefined;
  if (subject.startsWith("group:"))
    return subject in policy.groups ? undefined : `group not found: "${subject}"`;
  if (subject.startsWith("tag:"))
    return subject in policy.tagOwners ? undefined : `tag not found: "${subject}"`;
  if (subject.startsWith("autogroup:")) {
    return AUTOGROUPS.includes(subject.slice(10)) ? undefined : `unknown autogroup: "${subject}"`;
  }
  if (subject.includes("@") || subject in policy.hosts) return undefined;
  return `invalid or unknown host or user: "${subject}"`;
}

function problemsOf(policy: Policy): string[] {
  const problems: string[] = [];
  const check = (where: string, subject: string) => {
    const problem = subjectProblem(policy, subject);
    if (problem !== undefined) problems.push(`${where}: ${problem}`);
  };
  for (const [group, members] of Object.entries(policy.groups)) {
    if (!group.startsWith("group:")) problems.push(`groups: name must begin with "group:": "${group}"`);
    for (const member of members)
      if (!member.includes("@")) problems.push(`groups: invalid member of ${group}: "${member}"`);
  }
  for (const [tag, owners] of Object.entries(policy.tagOwners)) {
    if (!/^tag:[a-zA-Z][a-zA-Z0-9-]*$/.test(tag)) problems.push(`tagOwners: invalid tag: "${tag}"`);
    for (const owner of owners) check(`tagOwners["${tag}"]`, owner);
  }
  for (const rule of policy.rules) {
    for (const source of rule.src) check(`${rule.where}.src`, source);
    for (const destination of rule.dst) check(`${rule.where}.dst`, destination);
  }
  for (const rule of policy.ssh) {
    if (!["accept", "check"].includes(rule.action))
      problems.push(`${rule.where}: action must be "accept" or "check"`);
    if (rule.users.length === 0) problems.push(`${rule.where}: users must not be empty`);
    for (const subject of [...rule.src, ...rule.dst]) check(rule.where, subject);
  }
  for (const approver of policy.autoApprovers) check("autoApprovers", approver);
  return problems;
}

/** Whether a rule's subject includes `wanted`: it is the same, `*`, or a group that has it. */
function covers(policy: Policy, subject: string, wanted: string): boolean {
  if (subject === wanted || subject === "*") return true;
  if (subject === "autogroup:member") return wanted.includes("@");
  if (subject === "autogroup:tagged") return wanted.startsWith("tag:");
  const host = policy.hosts[subject];
  if (host !== undefined && (host === wanted || host === policy.hosts[wanted])) return true;
  return (policy.groups[subject] ?? []).includes(wanted);
}

function coversPort(ports: string, wanted: string): boolean {
  return ports.split(",").some((part) => {
    if (part === "*" || part === wanted) return true;
    const [from, to] = part.split("-").map(Number);
    return to !== undefined && from !== undefined && Number(wanted) >= from && Number(wanted) <= to;
  });
}

/** The policy's own tests that fail. They compare names (groups, tags, users, hosts), not routes or protocols. */
function failedTests(policy: Policy): { user: string; errors: string[] }[] {
  const split = (target: string) => ({
    to: withoutPorts(target),
    port: target.slice(target.lastIndexOf(":") + 1),
  });
  const allowed = (src: string, target: string) => {
    const { to, port } = split(target);
    return policy.accept.some(
      (rule) =>
        rule.src.some((from) => covers(policy, from, src)) &&
        rule.dst.some((each) => covers(policy, split(each).to, to) && coversPort(split(each).port, port)),
    );
  };
  return policy.tests.flatMap((test) => {
    const errors = [
      ...test.accept
        .filter((target) => !allowed(test.src, target))
        .map((target) => `address "${target}": want: Accept, got: Drop`),
      ...test.deny
        .filter((target) => allowed(test.src, target))
        .map((target) => `address "${target}": want: Drop, got: Accept`),
    ];
    return errors.length === 0 ? [] : [{ user: test.src, errors }];
  });
}

interface PolicyCheck {
  message: string;
  data: { user: string; errors: string[] }[];
}

/** The vendor's message and data for an invalid policy file; undefined for a valid one. */
export function checkPolicy(text: string): PolicyCheck | undefined {
  let value: unknown;
  try {
    value = parseHujson(text);
  } catch (error) {
    return {
      message: `error parsing policy file: ${messageOf(error)}`,
      data: [],
    };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { message: "policy file must be an object", data: [] };
  }
  const { found, unknown } = sectionsOf(value as Json);
  if (unknown.length > 0) return { message: `unknown field "${unknown[0]}"`, data: [] };
  const policy = readPolicy(found);
  const problems = problemsOf(policy);
  if (problems.length > 0) return { message: problems.join("; "), data: [] };
  const failed = failedTests(policy);
  return failed.length === 0 ? undefined : { message: "test(s) failed", data: failed };
}

/** The tags that the policy defines; keys and devices may have only these. */
export function definedTags(text: string): Set<string> {
  const { found } = sectionsOf(record(parseHujson(text)));
  return new Set(Object.keys(record(found.get("tagOwners"))));
}
