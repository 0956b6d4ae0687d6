/** A fake `nix` and `nix-store` on PATH. Files of its directory say what each host's evaluation does. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EvaluateArgs } from "../../../../deployer/evaluation/evaluate.ts";
import type { EvaluatedTarget } from "../../../../deployer/evaluation/target.ts";
import { Programs } from "../../programs.ts";
import { drv, system } from "../fixtures.ts";

export const evaluated = (host: string): EvaluatedTarget => ({
  drvPath: `${system("d", host)}.drv`,
  toplevel: system("a", host),
  system: "x86_64-linux",
  kernel: "/nix/store/k/bzImage",
  inhibitors: { dbus: "dbus" },
  units: { "web.service": "/nix/store/u/web.service" },
  disko: { drvPath: drv("e"), script: "/nix/store/s" },
});

const SETTINGS = { "pure-eval": { value: true }, system: { value: "x86_64-linux" } };
export const STORE_PATH = "/nix/store/9bal8nmdigvv9vzs637kpfcsk7n2613n-source";
export const flakeMetadata = (narHash = "sha256-ZTj8JxFLv3G78BTlsBSN2K7Sp0v5T+gU4SvZWor9CuQ=") => ({
  path: STORE_PATH,
  url: `path:/fleet?narHash=${narHash}`,
  locked: { type: "path", path: "/fleet", narHash, lastModified: 5 },
  locks: { root: "root", nodes: { root: {} } },
});

/**
 * Each host's evaluation: `fail-HOST` has Nix's error; `memory-HOST` the bytes that it needs; while `wait-HOST` exists it waits;
 * `used` the bytes that a process uses for each host before it.
 */
const EVAL = `
mark=$(printf '%s' "$*" | sed -n 's/.*builtins.trace "\\(pantheros-[0-9a-f]* \\).*/\\1/p')
hosts=$(printf '%s' "$*" | tail -n 1 | sed 's/.*\\[\\(.*\\)\\].*/\\1/; s/"//g')
begin=$(mktemp "$dir/running/XXXXXX")
ls "$dir/running" | wc -l >>"$dir/at-once"
echo "$GC_INITIAL_HEAP_SIZE $GC_MAXIMUM_HEAP_SIZE" >>"$dir/heaps"
echo "$hosts" | xargs >>"$dir/processes"
count=$(echo "$hosts" | wc -w)
end() {
  [ -z "$NIX_SHOW_STATS_PATH" ] || printf '%d hosts' "$count" >"$NIX_SHOW_STATS_PATH"
  rm -f "$begin"
  exit "$1"
}
[ ! -e "$dir/fail" ] || { cat "$dir/fail" >&2; end 1; }
echo "trace: $mark{}" >&2
used=0
for host in $hosts; do
  while [ -e "$dir/wait-$host" ]; do sleep 0.02; done
  [ ! -e "$dir/fail-$host" ] || { cat "$dir/fail-$host" >&2; end 1; }
  [ ! -e "$dir/used" ] || used=$((used + $(cat "$dir/used")))
  need=0
  [ ! -e "$dir/memory-$host" ] || need=$(cat "$dir/memory-$host")
  [ $((used + need)) -le "$GC_MAXIMUM_HEAP_SIZE" ] || { echo 'error: out of memory' >&2; end 1; }
  echo "trace: $mark{\\"host\\":\\"$host\\",\\"target\\":$(cat "$dir/target-$host")}" >&2
done
end 0`;

export class FakeNix {
  readonly #programs: Programs;
  readonly #leave: () => void;
  readonly directory: string;
  readonly cache: string;

  constructor(hosts: readonly string[]) {
    this.#programs = new Programs("evaluation");
    this.directory = this.#programs.directory;
    this.cache = join(this.directory, "cache");
    mkdirSync(join(this.directory, "running"));
    this.file("metadata", JSON.stringify(flakeMetadata()));
    this.file("settings", JSON.stringify(SETTINGS));
    this.file("invalid", "");
    for (const host of hosts) this.file(`target-${host}`, JSON.stringify(evaluated(host)));
    this.#programs.program(
      "nix",
      `dir=${this.directory}
case " $* " in
  *" --version "*) echo "nix (Nix) 2.26.3" ;;
  *" config show "*) cat "$dir/settings" ;;
  *" flake metadata "*) [ ! -e "$dir/broken" ] || { cat "$dir/broken" >&2; exit 1; }; cat "$dir/metadata" ;;
  *" eval "*) ${EVAL} ;;
esac`,
    );
    this.#programs.program("nix-store", `cat ${this.directory}/invalid`);
    this.#leave = this.#programs.enter();
  }

  file(name: string, content: string): void {
    writeFileSync(join(this.directory, name), content);
  }

  /** Arguments of an evaluation with one process, unless others are given. */
  args(hosts: readonly string[], more: Partial<EvaluateArgs> = {}): EvaluateArgs {
    return {
      flake: "path:/fleet",
      hosts,
      cache: this.cache,
      limits: { workers: 1, memoryMb: 4000 },
      ...more,
    };
  }

  /** The hosts of each process that evaluated, in order of their start. */
  processes(): string[][] {
    return this.#lines("processes").map((line) => line.split(" "));
  }

  /** How many processes ran when each of them started, itself included. */
  atOnce(): number[] {
    return this.#lines("at-once").map(Number);
  }

  /** The first and the largest heap of each process, in bytes. */
  heaps(): number[][] {
    return this.#lines("heaps").map((line) => line.split(" ").map(Number));
  }

  /** Calls of programs whose arguments contain the text. */
  calls(text: string): string[] {
    return this.#programs.logged().filter((line) => line.includes(text));
  }

  results(): string[] {
    return readdirSync(this.cache).map((name) => join(this.cache, name));
  }

  #lines(name: string): string[] {
    return this.#programs.exists(name) ? this.#programs.read(name).trim().split("\n") : [];
  }

  remove(): void {
    this.#leave();
    this.#programs.remove();
  }
}
