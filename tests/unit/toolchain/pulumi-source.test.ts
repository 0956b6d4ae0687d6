import { checksumOf, checksumsUrl, tarballUrl } from "../../../tools/toolchain/pulumi-official.ts";
import { pluginOf } from "../../../tools/toolchain/pulumi-plugins.ts";
import { wrapperFiles } from "../../../tools/toolchain/pulumi-registry.ts";
import { chooseSource, type SourceInputs } from "../../../tools/toolchain/pulumi-source.ts";

describe("where Pulumi comes from", () => {
  const hour = 3_600_000;
  const facts = (change: Partial<SourceInputs>): SourceInputs => ({
    forced: undefined,
    cached: undefined,
    probe: async () => "no route",
    ...change,
  });
  const neverAsked = async (): Promise<string | undefined> => {
    throw new Error("asked the network");
  };

  test("official if its download is reachable, otherwise the registries; both are kept", async () => {
    expect(await chooseSource(facts({ probe: async () => undefined }))).toMatchObject({
      source: "official",
      fresh: true,
    });
    const registry = await chooseSource(facts({}));
    expect(registry).toMatchObject({ source: "registry", fresh: true });
    expect(registry.reason).toContain("no route");
  });

  test.each(["official", "registry"] as const)(
    "PANTHEROS_PULUMI=%s sends no request and is not kept",
    async (forced) => {
      const cached = {
        source: forced === "official" ? ("registry" as const) : ("official" as const),
        ageMilliseconds: 0,
      };
      const choice = await chooseSource(facts({ forced, cached, probe: neverAsked }));
      expect(choice).toMatchObject({ source: forced, fresh: false });
    },
  );

  test("any other value is refused", async () => {
    await expect(chooseSource(facts({ forced: "offical" }))).rejects.toThrow("official or registry");
  });

  test("a found source is kept for a day", async () => {
    const cached = { source: "registry" as const, ageMilliseconds: 23 * hour };
    expect((await chooseSource(facts({ cached, probe: neverAsked }))).source).toBe("registry");
    const old = { source: "registry" as const, ageMilliseconds: 25 * hour };
    expect((await chooseSource(facts({ cached: old, probe: async () => undefined }))).source).toBe(
      "official",
    );
  });

  test("the official source stays during an outage", async () => {
    const cached = { source: "official" as const, ageMilliseconds: 25 * hour };
    expect(await chooseSource(facts({ cached }))).toMatchObject({
      source: "official",
      fresh: false,
    });
  });
});

describe("the official download", () => {
  const release = { pulumiVersion: "3.1.2", arch: "arm64" as const };

  test("its addresses, or those of a mirror", () => {
    expect(tarballUrl(release, {})).toBe(
      "https://get.pulumi.com/releases/sdk/pulumi-v3.1.2-linux-arm64.tar.gz",
    );
    expect(checksumsUrl(release, {})).toMatch(/\/v3\.1\.2\/pulumi-3\.1\.2-checksums\.txt$/);
    const mirror = { PANTHEROS_PULUMI_DOWNLOADS: "http://127.0.0.1:1/p/" };
    expect(tarballUrl(release, mirror)).toBe("http://127.0.0.1:1/p/pulumi-v3.1.2-linux-arm64.tar.gz");
    expect(checksumsUrl(release, mirror)).toBe("http://127.0.0.1:1/p/pulumi-3.1.2-checksums.txt");
  });

  test("the checksum is found by the exact file name", () => {
    const [one, two] = ["a".repeat(64), "b".repeat(64)];
    const text = `${one}  pulumi-v3.1.2-linux-x64.tar.gz.sig\n${two}  pulumi-v3.1.2-linux-x64.tar.gz\n`;
    expect(checksumOf("pulumi-v3.1.2-linux-x64.tar.gz", text)).toBe(two);
    expect(() => checksumOf("pulumi-v3.1.2-linux-arm64.tar.gz", text)).toThrow("do not name");
    expect(() => checksumOf("x", "<html>not found</html>")).toThrow("do not name");
  });
});

describe("plugins", () => {
  test("have name, version and server of the npm package", () => {
    expect(
      pluginOf({ version: "1.0.0", pulumi: { resource: true, name: "hcloud", version: "1.41.0" } }),
    ).toEqual({
      name: "hcloud",
      version: "1.41.0",
    });
    const withServer = { resource: true, name: "onepassword", server: "github://example" };
    expect(pluginOf({ version: "1.1.3", pulumi: withServer })).toEqual({
      name: "onepassword",
      version: "1.1.3",
      server: "github://example",
    });
    expect(pluginOf({ version: "4.6.7" })).toBeUndefined();
  });

  test("thin plugins get the package's version, hosts are beside the CLI, and all wrappers use PANTHEROS_ROOT", () => {
    const files = wrapperFiles(
      { cache: "/c", pulumiVersion: "3.1.2" },
      [{ name: "hcloud", version: "1.41.0" }],
      ["pulumi-resource-hcloud", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"],
    );
    expect(Object.keys(files)).toEqual([
      "/c/pulumi-home/plugins/resource-hcloud-v1.41.0/pulumi-resource-hcloud",
      "/c/pulumi-3.1.2/bin/pulumi-language-nodejs",
      "/c/pulumi-3.1.2/bin/pulumi-resource-pulumi-nodejs",
    ]);
    for (const text of Object.values(files)) expect(text).toContain("PANTHEROS_ROOT");
  });
});
