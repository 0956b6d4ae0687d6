import { createHash } from "node:crypto";
import { Hono } from "hono";
import * as z from "zod";
import { labels, readBody, resourceName } from "./body.ts";
import { invalidInput, notFound, notUnique } from "./errors.ts";
import { answerPage, idOf, selectRows } from "./listing.ts";
import { newId, type Project, timestamp } from "./project.ts";
import type { SshKeyRow } from "./state.ts";

/** MD5 fingerprint with colons, as the vendor answers it; undefined when the text is not a public key. */
export function fingerprint(publicKey: string): string | undefined {
  const [type = "", blob = ""] = publicKey.trim().split(/\s+/);
  if (!/^(ssh|ecdsa|sk)-[a-z0-9@.-]+$/.test(type)) return undefined;
  const bytes = Buffer.from(blob, "base64");
  const length = bytes.length > 4 ? bytes.readUInt32BE(0) : 0;
  if (bytes.subarray(4, 4 + length).toString() !== type) return undefined;
  return createHash("md5").update(bytes).digest("hex").match(/../g)?.join(":");
}

export function sshKeys(project: Project): Hono {
  const app = new Hono();
  const rows = project.state.ssh_keys;
  const all = () => Object.values(rows);
  const find = (id: number): SshKeyRow => {
    const row = rows[id];
    if (row === undefined) throw notFound("ssh_key", id);
    return row;
  };

  app.get("/ssh_keys", (context) =>
    answerPage(context, "ssh_keys", selectRows(context, all(), ["fingerprint"])),
  );

  app.post("/ssh_keys", async (context) => {
    const body = await readBody(
      context,
      z.object({ name: resourceName, public_key: z.string(), labels: labels.nullish() }),
    );
    const print = fingerprint(body.public_key);
    if (print === undefined) throw invalidInput("public_key", "is not a valid SSH public key");
    if (all().some((key) => key.fingerprint === print)) throw notUnique("public_key", "SSH key not unique");
    if (all().some((key) => key.name === body.name))
      throw notUnique("name", "SSH key with the same name already exists");
    const row: SshKeyRow = {
      id: newId(project.state),
      name: body.name,
      fingerprint: print,
      public_key: body.public_key.trim(),
      labels: body.labels ?? {},
      created: timestamp(),
    };
    rows[row.id] = row;
    return context.json({ ssh_key: row }, 201);
  });

  app.get("/ssh_keys/:id", (context) => context.json({ ssh_key: find(idOf(context, "ssh_key")) }));

  app.put("/ssh_keys/:id", async (context) => {
    const row = find(idOf(context, "ssh_key"));
    const body = await readBody(
      context,
      z.object({ name: resourceName.nullish(), labels: labels.nullish() }),
    );
    if (body.name != null && all().some((key) => key.name === body.name && key.id !== row.id)) {
      throw notUnique("name", "SSH key with the same name already exists");
    }
    row.name = body.name ?? row.name;
    row.labels = body.labels ?? row.labels;
    return context.json({ ssh_key: row });
  });

  app.delete("/ssh_keys/:id", (context) => {
    delete rows[find(idOf(context, "ssh_key")).id];
    return context.body(null, 204);
  });

  return app;
}
