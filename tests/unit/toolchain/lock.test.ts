import { readFileSync } from "node:fs";

interface Locked {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
  packages: Record<string, Locked>;
};

// A registry that mirrors one platform makes npm write a lock file without the others' packages; `npm ci` refuses it.
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

test("no package is locked to an address", () => {
  expect(readFileSync("package-lock.json", "utf8")).not.toMatch(
    /"resolved":|https?:\/\/(?!github\.com|opencollective|.*\/(sponsors|funding|fund))[^"]*\.tgz/,
  );
});
