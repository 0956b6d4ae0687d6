/** An option of the machines' modules, as tools/nix/options.nix lists it. */
export interface ModuleOption {
  readonly name: string;
  readonly type: string;
  readonly description: string;
  /** As Nix or in words; null when the option must be set. */
  readonly default: string | null;
  /** Declaring file, below nix/modules. */
  readonly file: string;
}

const cell = (text: string) => text.replaceAll("|", "\\|").replace(/\s+/g, " ").trim();
const code = (text: string) => (text.includes("`") || text.includes(" ") ? cell(text) : `\`${cell(text)}\``);

function row(option: ModuleOption): string {
  const value = option.default === null ? "required" : code(option.default);
  return `| \`${option.name}\` | ${cell(option.type)} | ${value} | ${cell(option.description)} |`;
}

/** The options' reference as Markdown: one section per file. */
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
    "# Options of the machines",
    "",
    "Made from the modules' declarations by `tools/nix/options.nix`; `make docs` writes it again, and a test compares.",
    "What of them the inventory sets is in [nix.md](nix.md); the rest is set in `nix/hosts` and `nix/profiles`.",
    "",
    ...sections,
  ].join("\n");
}
