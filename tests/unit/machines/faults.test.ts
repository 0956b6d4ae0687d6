import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limitHint, raiseInotifyLimit } from "../../../sandbox/machines/limits.ts";
import { FREE_SCRIPT, fillScript } from "../../../sandbox/machines/space.ts";
import { cableScript } from "../../../sandbox/network/cable.ts";

describe("cable", () => {
  const fresh = "table inet cable_v_web\ndelete table inet cable_v_web\n";

  test("plugged: the table is removed", () => {
    expect(cableScript("web", "plugged")).toBe(fresh);
  });

  test("unplugged: drops both directions, in one transaction", () => {
    expect(cableScript("web", "unplugged")).toBe(`${fresh}table inet cable_v_web {
  chain output { type filter hook output priority raw; oifname "v-web" drop; }
  chain input { type filter hook input priority raw; iifname "v-web" drop; }
  chain forward { type filter hook forward priority raw; oifname "v-web" drop; iifname "v-web" drop; }
}
`);
  });

  test("slow: limits only the traffic to the machine", () => {
    const script = cableScript("web", "slow");
    expect(script).toContain('oifname "v-web" limit rate over 128 kbytes/second burst 64 kbytes drop');
    expect(script).not.toContain("iifname");
    expect(script).not.toContain("hook input");
  });
});

test("scripts for a machine's disk are valid POSIX sh", () => {
  for (const script of [fillScript(512), FREE_SCRIPT]) {
    expect(() => execFileSync("sh", ["-n"], { input: script })).not.toThrow();
  }
  expect(fillScript(512)).toContain("used + 512))k");
});

describe("inotify", () => {
  const directory = mkdtempSync(join(tmpdir(), "pantheros-limits-"));
  const file = join(directory, "max_user_instances");
  afterAll(() => rmSync(directory, { recursive: true }));

  test("a low limit is raised, a higher one is left, a missing one is no error", () => {
    writeFileSync(file, "128\n");
    raiseInotifyLimit(file);
    expect(readFileSync(file, "utf8")).toBe("8192\n");
    writeFileSync(file, "65536\n");
    raiseInotifyLimit(file);
    expect(readFileSync(file, "utf8")).toBe("65536\n");
    expect(() => raiseInotifyLimit(join(directory, "absent"))).not.toThrow();
  });

  test("the hint names the setting when the console shows the error", () => {
    expect(limitHint("Failed to create control group inotify object: Too many open files")).toContain(
      "fs.inotify.max_user_instances",
    );
    expect(limitHint("Failed to mount")).toBeUndefined();
  });
});
