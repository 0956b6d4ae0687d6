import { spawn, spawnSync } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluate } from "../unit/nix/nix.ts";
import { freePort } from "../unit/services/texts.ts";
import { program, untilReady } from "./programs.ts";

jest.setTimeout(600_000);

type Settings = Readonly<Record<string, unknown>>;

/** `services.blocky.settings` of a router. */
const settings = evaluate(`(import (nix + "/../tests/unit/nix/one-module.nix") {
  inherit nix;
  module = nix + "/modules/router/blocky.nix";
  config.pantheros.router = {
    enable = true;
    dns = {
      enable = true;
      upstreams = ["https://192.0.2.1/dns-query"];
      bootstrap = ["192.0.2.1"];
      denylists = ["https://192.0.2.1/hosts"];
      tailnetSuffix = "tail0000.ts.net";
      mapping = { "storage.example.test" = "192.0.2.10"; };
      httpPort = 4000;
    };
  };
}).services.blocky.settings`) as Settings;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pantheros-blocky-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** JSON is YAML, which Blocky reads. */
const write = (given: Settings): string => {
  const file = join(directory, "blocky.yaml");
  writeFileSync(file, JSON.stringify(given));
  return file;
};

test("Blocky accepts a router's settings, and refuses a planted error", () => {
  const validate = (given: Settings) =>
    spawnSync(program("blocky"), ["validate", "--config", write(given)], { encoding: "utf8" });
  const good = validate(settings);
  expect([good.status, good.stdout + good.stderr]).toEqual([0, expect.stringContaining("valid")]);
  expect(validate({ ...settings, conditionel: {} }).status).not.toBe(0);
});

test("without an internet connection it starts, and resolves the names of the home", async () => {
  const [dns, http] = [await freePort(), await freePort()];
  const ports = { dns: `127.0.0.1:${dns}`, http: `127.0.0.1:${http}` };
  const child = spawn(program("blocky"), ["serve", "--config", write({ ...settings, ports })], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  try {
    const resolver = new Resolver({ timeout: 1000, tries: 1 });
    resolver.setServers([`127.0.0.1:${dns}`]);
    let addresses: readonly string[] | undefined;
    await untilReady(
      child,
      () => output,
      async () => {
        addresses = await resolver.resolve4("storage.example.test").catch(() => undefined);
        return addresses !== undefined;
      },
    );
    expect(addresses).toEqual(["192.0.2.10"]);
    // A name that the client chooses is a label of one metric only, which Prometheus drops.
    const question = Buffer.from(
      "000001000001000000000000036162630474657374000001 0001".replace(" ", ""),
      "hex",
    );
    await fetch(
      `http://127.0.0.1:${http}/dns-query/chosen-by-a-client?dns=${question.toString("base64url")}`,
    );
    const metrics = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
    const chosen = metrics.split("\n").filter((line) => line.includes("chosen-by-a-client"));
    expect(chosen).not.toEqual([]);
    const [{ metric_relabel_configs: relabel }] =
      evaluate(`import (nix + "/modules/services/monitoring/scrapes.nix") {
      blackbox = ""; probes = []; scrapes = [{ job = "blocky"; target = "127.0.0.1:4000"; path = "/metrics"; params = {}; }];
    }`) as [{ metric_relabel_configs: { action: string; regex: string }[] }];
    const dropped = relabel
      .filter(({ action }) => action === "drop")
      .map(({ regex }) => new RegExp(`^(${regex})$`));
    const kept = chosen.filter((line) => !dropped.some((regex) => regex.test(line.split("{")[0] ?? "")));
    expect(kept).toEqual([]);
    expect(metrics).toMatch(/^blocky_response_total/m);
  } finally {
    child.kill();
  }
});
