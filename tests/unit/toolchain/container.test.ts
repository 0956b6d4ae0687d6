/** The container in which the sandbox runs: image, dev container, documentation and workflow agree. */
import { readFileSync } from "node:fs";
import { PROGRAMS } from "../../../sandbox/cli/prerequisites.ts";

const image = readFileSync("Containerfile", "utf8");
const packages = (/apt-get install.*\n((?:.*\\\n)+)/.exec(image)?.[1] ?? "").split(/[\s\\]+/);
const dev = JSON.parse(readFileSync(".devcontainer/devcontainer.json", "utf8")) as {
  build: { dockerfile: string };
  privileged: boolean;
  runArgs: readonly string[];
  mounts: readonly string[];
  workspaceFolder: string;
};

test("the image has what set-up expects, and the Debian packages of the sandbox's programs", () => {
  const fromDebian = Object.values(PROGRAMS).filter((origin) => !/[ (]|util-linux/.test(origin));
  for (const name of ["git", "make", "curl", "npm", ...fromDebian]) expect(packages).toContain(name);
});

test("overlays and downloads are in volumes, in every way to start it", () => {
  const [, volumes = ""] = /^VOLUME (.*)$/m.exec(image) ?? [];
  const sandbox = /^ENV PANTHEROS_SANDBOX_DIR=(\S+)$/m.exec(image)?.[1];
  expect(volumes.split(" ")).toContain(sandbox);
  const documents = ["docs/sandbox.md", ".github/workflows/container.yml"].map((file) =>
    readFileSync(file, "utf8"),
  );
  for (const volume of volumes.split(" ")) {
    expect(dev.mounts.some((mount) => mount.includes(`target=${volume},type=volume`))).toBe(true);
    for (const text of documents) expect(text).toMatch(new RegExp(`--volume [a-z-]+:${volume}\\b`));
  }
  for (const text of documents) expect(text).toContain("--privileged --cgroupns=private");
});

test("the dev container starts this image with the rights that machines need", () => {
  expect(dev).toMatchObject({ build: { dockerfile: "../Containerfile" }, privileged: true });
  expect(dev.runArgs).toContain("--cgroupns=private");
  expect(image).toContain(`WORKDIR ${dev.workspaceFolder}`);
});
