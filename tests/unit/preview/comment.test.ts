/** The comment of a change, from documents. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { MAX_BYTES } from "../../../preview/comment/fit.ts";
import { code, pre } from "../../../preview/comment/markdown.ts";
import { renderComment } from "../../../preview/comment/render.ts";
import { type PreviewDocument, previewDocument } from "../../../preview/document.ts";
import { document, host } from "./documents.ts";

/** What a browser shows of a comment. */
const shown = (markdown: string): string =>
  markdown
    .replace(/<\/?code>/g, "")
    .replace(/&#(\d+);/g, (_, number) => String.fromCodePoint(Number(number)));

const order = (text: string, ...parts: string[]): void => {
  const places = parts.map((part) => text.indexOf(part));
  expect([parts, places.every((place) => place >= 0)]).toEqual([parts, true]);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
};

const closure = {
  before: 400e6,
  after: 402.7e6,
  fresh: 12e6,
  freshPaths: 7,
  changed: ["linux 6.12 -> 6.18"],
  added: ["bar 2.0"],
  removed: [],
  rebuilt: ["etc"],
};

const full = document({
  commit: "0123456789abcdef0123456789abcdef01234567",
  counts: { create: 1, replace: 1, update: 2 },
  changes: [
    {
      op: "replace",
      type: "hcloud:Server",
      name: "db-server",
      protected: true,
      fields: [{ path: "image", kind: "update", before: "a", after: "b", replaces: true }],
    },
    {
      op: "create",
      type: "cloudflare:DnsRecord",
      name: "zone-web",
      fields: [{ path: "content", kind: "add", knownAfter: "web-server" }],
    },
  ],
  hosts: [
    host("db", {
      action: "reboot",
      reason: "a different system is wanted",
      rebootReasons: ["kernel linux-6.12 -> linux-6.18"],
      closure,
      units: { changed: ["a.service"], added: [], removed: [] },
      built: true,
    }),
    host("web", {
      wave: 2,
      action: "deploy",
      reason: "it would boot a different system (drift)",
      drift: true,
      built: false,
    }),
    host("idle", { wave: 2 }),
    host("laptop", { wave: 3, required: false, action: "when-online", reason: "no answer" }),
  ],
  findings: [
    {
      rule: "no-public-ssh",
      level: "mandatory",
      key: "hosts.db.ssh",
      message: "port 22 is open",
      remedy: "close it",
    },
    { rule: "labels", level: "advisory", key: "hosts.web", message: "no owner" },
  ],
  promotion: { from: "staging", allowed: false },
  cost: { currency: "EUR", monthly: 23.45, before: 19.1 },
  outputs: [{ path: "services.git.url", kind: "update", before: "https://a", after: "https://b" }],
  warnings: ["something"],
});

test("the parts, in their order", () => {
  const text = shown(renderComment([full]));
  order(
    text,
    "## Preview of 0123456789abcdef0123456789abcdef01234567",
    "> [!CAUTION]\n> production: hcloud:Server db-server is replaced: its disk is lost; it is protected, so the engine refuses the run",
    "| stack | cloud | hosts that change | drift | policy | promotion | cost |",
    "| production | +1 ~2 ±1 | 3 of 4 | web | **1 mandatory**, 1 advisory | refused: staging has not confirmed it | 23.45 EUR a month (+4.35 EUR a month) |",
    "### Hosts",
    "| db | production 1 | switch and reboot | +2.7 MB | reboot: kernel linux-6.12 -> linux-6.18; linux 6.12 -> 6.18; + bar 2.0; a different system is wanted |",
    "| web | production 2 | switch, **drift** |",
    "| laptop | production 3 | when it is online |",
    "1 host does not change.",
    "### Policy: mandatory",
    "| no-public-ssh | production | hosts.db.ssh | port 22 is open close it |",
    "### Policy: advisory",
    "1 output of production that other teams read changes",
    "2 cloud changes of production",
    "known after web-server",
    "Packages of db",
    "Units of db",
    "Not built, so without sizes and packages: web.",
    "No answer from: laptop.",
  );
  expect(text).not.toContain("| idle |");
});

test("a change of nothing is short", () => {
  const text = renderComment([document({ hosts: [host("a"), host("b")] })]);
  expect(shown(text)).toContain(
    "| production | no change | none of 2 | none | passed |\n\n2 hosts do not change.",
  );
  expect(text.split("\n").length).toBeLessThan(12);
});

test("a cost without a difference has none, and a lower one a minus", () => {
  const cost = (before: number) =>
    shown(renderComment([document({ cost: { currency: "EUR", monthly: 10, before } })]));
  expect(cost(10)).toContain("| 10.00 EUR a month |");
  expect(cost(12.5)).toContain("| 10.00 EUR a month (-2.50 EUR a month) |");
});

test("equal documents give equal bytes, in any order of the stacks", () => {
  const other = document({ stack: "staging" });
  expect(renderComment([other, full])).toBe(renderComment([structuredClone(full), other]));
});

describe("a long comment", () => {
  const hosts = Array.from({ length: 60 }, (_, at) =>
    host(`node${at}`, {
      action: "deploy",
      reason: "a different system is wanted",
      closure: {
        ...closure,
        changed: Array.from({ length: 200 }, (__, n) => `package${n} 1.${n} -> 2.${n}`),
      },
      units: { changed: Array.from({ length: 100 }, (__, n) => `unit-${n}.service`), added: [], removed: [] },
    }),
  );
  const long = { ...full, hosts };

  test("sheds whole details, each with a line, and keeps title, caution, tables and mandatory findings", () => {
    const comment = renderComment([long]);
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(MAX_BYTES);
    const text = shown(comment);
    expect(text).toContain("## Preview of 0123456789");
    expect(text).toContain("> [!CAUTION]");
    for (const { host: name } of hosts) expect(text).toContain(`| ${name} | production 1 |`);
    expect(text).toContain("port 22 is open");
    expect(text).toContain("Units of node59 in production: left out, because the comment is too long.");
    expect(text).toContain("2 cloud changes of production</summary>");
    expect(comment.split("<details>").length).toBe(comment.split("</details>").length);
    expect(Buffer.byteLength(renderComment([long], { maxBytes: Number.MAX_SAFE_INTEGER }))).toBeGreaterThan(
      MAX_BYTES,
    );
  });

  test("of a table that is too long itself the first rows stay, with the number of the others", () => {
    const many = Array.from({ length: 2000 }, (_, at) => ({
      ...(hosts[0] ?? host("x")),
      host: `host-${at}`,
    }));
    const findings = Array.from({ length: 2000 }, (_, at) => ({
      rule: "r",
      level: "mandatory" as const,
      key: `k${at}`,
      message: "m".repeat(900),
    }));
    const errors = Array.from({ length: 50 }, (_, at) => `${at} ${"e".repeat(3900)}`);
    const changes = Array.from({ length: 2000 }, (_, at) => ({
      op: "delete" as const,
      type: "hcloud:Server",
      name: `server-${at}`,
    }));
    const comment = renderComment([document({ hosts: many, findings, errors, changes, outcome: "failed" })]);
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(MAX_BYTES);
    expect(shown(comment)).toMatch(/and \d+ more hosts/);
    expect(shown(comment)).toMatch(/and \d+ more findings/);
  });
});

describe("foreign text", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."`*_[]()<>|~#@!&\\:;\n\r\t ./-+='\"$^{}wW1a\u202e\u0000\u001b") }),
    fc.constantFrom(
      "</code>",
      "</pre>",
      "</details>",
      "-->",
      "| a | b |",
      "@all",
      "![x](http://h/p.png)",
      "www.example.com",
      "http://a.test",
      "#1",
      "```\n",
      "<script>alert(1)</script>",
      "&lt;b&gt;",
      "\n\n# Heading",
      ":smile:",
    ),
  );

  test("property: it stays one line of one cell, and shows what it says", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const cell = code(text, 1e6);
        if (cell === "") return;
        // No character of Markdown, HTML or a link outside of character references.
        expect(cell).toMatch(/^<code>(?:[\p{L}\p{M}\p{N} ,./()+%;'"=-]|&#\d+;)*<\/code>$/u);
        expect(cell).not.toMatch(/www\./i);
        expect(shown(cell)).not.toMatch(/[\p{Cc}\u202e]/u);
      }),
      { numRuns: 500 },
    );
  });

  test("property: a block of it has no tag, no blank line and no end of the block", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const block = pre(text, 1e6);
        const inside = block.slice("<pre>".length, -"</pre>".length);
        expect(inside).not.toMatch(/[<>`@:\\|]/);
        expect(inside.split("\n")).not.toContain("");
      }),
      { numRuns: 300 },
    );
  });

  test("property: whatever the texts are, the structure of the comment is the same", () => {
    const structure = (comment: string): string =>
      comment.replace(/<code>[^<]*<\/code>/g, "C").replace(/<pre>[^<]*<\/pre>/g, "P");
    const withText = (text: string): PreviewDocument =>
      JSON.parse(JSON.stringify(full), (key, value: unknown) =>
        [
          "name",
          "reason",
          "message",
          "remedy",
          "key",
          "rule",
          "before",
          "after",
          "host",
          "knownAfter",
          "from",
        ].includes(key) && typeof value === "string"
          ? `x${text}`
          : value,
      ) as PreviewDocument;
    const plain = structure(renderComment([withText("plain")], { commit: "c", maxBytes: 1e9 }));
    fc.assert(
      fc.property(hostile, (text) => {
        expect(structure(renderComment([withText(text)], { commit: "c", maxBytes: 1e9 }))).toBe(plain);
      }),
      { numRuns: 150 },
    );
  });
});

describe("previews of the real engine (tests/faults/record-previews.ts)", () => {
  const recorded = (name: string): PreviewDocument =>
    previewDocument.parse(JSON.parse(readFileSync(`tests/faults/recorded/previews/${name}.json`, "utf8")));
  const rendered = (name: string) => shown(renderComment([recorded(name)]));

  test("no change", () => {
    expect(rendered("no-change")).toContain("| no-change | no change | none of 3 | none | passed |");
    expect(rendered("no-change")).toContain("3 hosts do not change.");
  });

  test("create all: machines are installed, values name the resource after which they are known", () => {
    const text = rendered("create-all");
    expect(text).toMatch(/\| create-all \| \+\d+ \| 3 of 3 \| none \|/);
    expect(text).toContain("| db | create-all 1 | install: its machine is new |");
    expect(text).toContain("| content |  | known after db-ipv4 |");
    expect(text).not.toContain("CAUTION");
  });

  test("replace of a protected server: the caution comes first", () => {
    expect(rendered("replace-protected")).toMatch(
      /^## Preview\n\n> \[!CAUTION\]\n> replace-protected: hcloud:Server db-server is replaced: its disk is lost; it is protected/,
    );
  });

  test("60 hosts over the size limit: every host has its row, details are left out with a line", () => {
    const document = recorded("sixty-hosts");
    expect(Buffer.byteLength(JSON.stringify(document))).toBeGreaterThan(MAX_BYTES);
    const comment = renderComment([document]);
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(MAX_BYTES);
    for (const { host: name, wave } of document.hosts)
      expect(shown(comment)).toContain(`| ${name} | sixty-hosts ${wave} |`);
    expect(shown(comment)).toContain(
      "cloud changes of sixty-hosts: left out, because the comment is too long.",
    );
  });

  test("drift", () => {
    expect(rendered("drift")).toContain("| drift | no change | 1 of 3 | legacy | passed |");
    expect(rendered("drift")).toContain("| legacy | drift 1 | switch, **drift** |");
  });

  test("changes of records, a server's type and a system", () => {
    const text = rendered("changes");
    expect(text).toContain("| update hcloud:Server web-server | serverType | cx23 | cx33 |");
    expect(text).toContain("| db | changes 1 | switch |");
  });

  test("policy finding: the run is refused, and the comment names rule, key and remedy", () => {
    const text = rendered("policy-finding");
    expect(text).toContain("| policy-finding | **failed** |");
    expect(text).toContain("### Policy: mandatory");
    expect(text).toMatch(/ssh-not-public.*deploy\.sources/s);
  });

  test("failed evaluation: Nix's error is in the comment", () => {
    const text = rendered("failed-evaluation");
    expect(text).toContain("| failed-evaluation | **failed** |");
    expect(text).toContain("error: undefined variable 'pkg'");
  });
});
