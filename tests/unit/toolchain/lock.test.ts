import { readFileSync } from "node:fs";

interface Locked {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
  packages: Record<string, Locked>;
};

// With a registry that mirrors only one platform, npm omits the others' packages, and `npm ci` then refuses the file.
test("the lock file names the packages of every platform", () => {
  const missing = Object.entries(packages).flatMap(([name, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(
        ([dependency, version]) =>
          /^\d/.test(version) && packages[`node_modules/${dependency}`] === undefined,
      )
      .map(([dependency]) => `${name} -> ${dependency}`),
  );
  expect(missing).toEqual([]);
});

test("no package is locked to a download address", () => {
  expect(readFileSync("package-lock.json", "utf8")).not.toMatch(
    /"resolved":|https?:\/\/(?!github\.com|opencollective|.*\/(sponsors|funding|fund))[^"]*\.tgz/,
  );
});
