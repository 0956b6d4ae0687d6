import { nextAddress } from "../../../sandbox/vendors/hetzner/addresses.ts";
import { filterOf } from "../../../sandbox/vendors/hetzner/firewall-rules.ts";
import { labelProblems, matchesSelector } from "../../../sandbox/vendors/hetzner/labels.ts";
import { paginate, sortRows } from "../../../sandbox/vendors/hetzner/listing.ts";
import { pointerSets, reverseName } from "../../../sandbox/vendors/hetzner/reverse-dns.ts";
import { fingerprint } from "../../../sandbox/vendors/hetzner/ssh-keys.ts";
import {
  emptyState,
  type FirewallRow,
  type ServerRow,
  type State,
} from "../../../sandbox/vendors/hetzner/state.ts";

const server = (id: number): ServerRow => ({
  id,
  name: `s${id}`,
  machine: `s${id}`,
  created: "",
  phase: null,
  power: "running",
  server_type: 114,
  image: 1,
  location: "fsn1",
  primary_disk_size: 40,
  backup_window: null,
  protection: { delete: false, rebuild: false },
  labels: {},
  placement_group: null,
  authorized_keys: [],
  user_data: null,
  root_password: null,
});

test.each([
  ["env=prod", true],
  ["env==prod,tier", true],
  ["env!=prod", false],
  ["missing!=x", true],
  ["!tier", false],
  ["!missing,env", true],
  ["env in (prod, staging)", true],
  ["env notin (prod,staging)", false],
  ["env in (staging),tier", false],
  ["", true],
])("label selector %p", (selector, matches) => {
  expect(matchesSelector({ env: "prod", tier: "web" }, selector)).toBe(matches);
});

test("an invalid selector is refused", () => {
  expect(() => matchesSelector({}, "a b c")).toThrow("label_selector");
});

test("labels follow the vendor's rules", () => {
  expect(labelProblems({ "example.test/managed-by": "pantheros", empty: "" })).toEqual([]);
  expect(labelProblems({ "-bad": "x", good: "not a value" })).toHaveLength(2);
});

test("pages", () => {
  const rows = [1, 2, 3, 4, 5];
  expect(paginate(rows, "2", "2")).toEqual({
    rows: [3, 4],
    pagination: { page: 2, per_page: 2, previous_page: 1, next_page: 3, last_page: 3, total_entries: 5 },
  });
  expect(paginate(rows, "9", "50").rows).toEqual([]);
  expect(paginate([], undefined, undefined).pagination).toMatchObject({
    page: 1,
    last_page: 1,
    next_page: null,
  });
  expect(paginate(rows, undefined, "500").pagination.per_page).toBe(50);
  expect(() => paginate(rows, "0", undefined)).toThrow("page");
});

test("sorts numbers and names, by several keys", () => {
  const rows = [
    { id: 10, name: "b" },
    { id: 9, name: "b" },
    { id: 11, name: "a" },
  ];
  expect(sortRows(rows, ["id:asc"]).map(({ id }) => id)).toEqual([9, 10, 11]);
  expect(sortRows(rows, ["name:desc", "id"]).map(({ id }) => id)).toEqual([9, 10, 11]);
  expect(() => sortRows(rows, ["colour"])).toThrow("sort");
});

describe("the packet filter of a machine", () => {
  const firewall = (id: number, part: Partial<FirewallRow>): FirewallRow => ({
    id,
    name: `f${id}`,
    labels: {},
    created: "",
    rules: [],
    servers: [],
    ...part,
  });
  const ssh = {
    direction: "in" as const,
    protocol: "tcp" as const,
    port: "22",
    source_ips: ["198.51.100.1/32"],
    destination_ips: [],
    description: null,
  };

  test("no firewall allows all, an empty one nothing, several add up", () => {
    const state = emptyState();
    expect(filterOf(state, server(1))).toBeNull();
    state.firewalls[1] = firewall(1, { servers: [1] });
    expect(filterOf(state, server(1))).toEqual([]);
    const icmp = {
      ...ssh,
      direction: "out" as const,
      protocol: "icmp" as const,
      port: null,
      source_ips: [],
      destination_ips: ["::/0"],
    };
    state.firewalls[2] = firewall(2, { servers: [2], rules: [ssh, icmp] });
    expect(filterOf(state, server(1))).toEqual([]);
    state.firewalls[3] = firewall(3, { servers: [2] });
    expect(filterOf(state, server(2))).toEqual([
      { direction: "in", protocol: "tcp", port: "22", addresses: ["198.51.100.1/32"] },
      { direction: "out", protocol: "icmp", addresses: ["::/0"] },
    ]);
  });
});

test("a released address is not reused at once, and all addresses can be used", () => {
  const state = emptyState();
  const take = () => {
    const ip = nextAddress(state, "ipv4");
    const id = state.nextId++;
    state.primary_ips[id] = {
      id,
      name: "",
      type: "ipv4",
      ip,
      labels: {},
      protection: { delete: false },
      dns_ptr: [],
      assignee_id: null,
      auto_delete: false,
      created: "",
      location: "fsn1",
    };
    return { ip, id };
  };
  const first = take();
  expect(first.ip).toBe("203.0.113.10");
  delete state.primary_ips[first.id];
  expect(take().ip).toBe("203.0.113.11");
  const taken = new Set(Array.from({ length: 240 }, () => take().ip));
  expect(taken.size).toBe(240);
  expect(taken.has("203.0.113.10")).toBe(true);
  expect(take).toThrow("no ipv4 address is left");
});

test("reverse names and zones", () => {
  expect(reverseName("203.0.113.10")).toBe("10.113.0.203.in-addr.arpa.");
  expect(reverseName("2001:db8:1:2::1")).toBe(
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
  );
  const state = emptyState();
  const dns_ptr = [{ ip: "203.0.113.10", dns_ptr: "web.example.test" }];
  state.primary_ips[1] = { id: 1, ip: "203.0.113.10", dns_ptr } as unknown as State["primary_ips"][number];
  expect(pointerSets(state, "113.0.203.in-addr.arpa")).toEqual([
    { name: "10.113.0.203.in-addr.arpa.", type: "PTR", ttl: 300, contents: ["web.example.test."] },
  ]);
  expect(pointerSets(state, "1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")).toEqual([]);
});

test("fingerprints are those of ssh-keygen -E md5", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl comment";
  expect(fingerprint(key)).toBe("65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd");
  expect(fingerprint("ssh-ed25519 AAAA")).toBeUndefined();
  expect(fingerprint(key.replace("ssh-ed25519", "ssh-rsa"))).toBeUndefined();
});
