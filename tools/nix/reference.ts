/** An option of the NixOS modules, as tools/nix/options.nix lists it. */
export interface ModuleOption {
  readonly name: string;
  readonly type: string;
  readonly description: string;
  /** A Nix expression or prose; null: the option must be set. */
  readonly default: string | null;
  /** The declaring file, relative to nix/modules. */
  readonly file: string;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replace(/\s+/g, " ").trim();
const code = (text: string) => (text.includes("`") || text.includes(" ") ? cell(text) : `\`${cell(text)}\``);

function row(option: ModuleOption): string {
  const value = option.default === null ? "required" : code(option.default);
  return `| \`${option.name}\` | ${cell(option.type)} | ${value} | ${cell(option.description)} |`;
}

/** The reference of the options in Markdown, one section per file. */
export function optionReference(options: readonly ModuleOption[]): string {
  const files = [...new Set(options.map(({ file }) => file))].toSorted();
  const sections = files.flatMap((file) => [
    `## \`nix/modules/${file}\``,
    "",
    "| option | type | default | meaning |",
    "|---|---|---|---|",
    ...options.filter((option) => option.file === file).map(row),
    "",
  ]);
  return [
    "# Options of the NixOS modules",
    "",
    "`make docs` generates this page from the modules' declarations (`tools/nix/options.nix`); a test compares.",
    "[nix.md](nix.md) lists the options that the inventory sets; the others are set in `nix/hosts` and `nix/profiles`.",
    "",
    ...sections,
  ].join("\n");
}
