/** The beginning of the grub.cfg that nixpkgs' install-grub.pl writes; tests/hosts compares it with that program. */
const HEADER = `
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "\${next_entry}" ]; then
  set default="\${next_entry}"
  set next_entry=
  save_env next_entry
  set timeout=1
  set boot_once=true
else
  set default=0
  set timeout=1
fi
function savedefault {
    if [ -z "\${boot_once}"]; then
    saved_entry="\${chosen}"
    save_env saved_entry
    fi
}
`;

/** A menu like that of install-grub.pl: the default system, then the profile's systems, newest first. */
export const grubMenu = (
  old: string,
  systems: readonly string[],
  body = (init: string) => `  linux ($drive1)//kernels/a-bzImage init=${init} loglevel=4`,
): string => `${HEADER}
menuentry "NixOS - Default" --class nixos --unrestricted {
${body(`${old}/init`)}
}
submenu "NixOS - All configurations" --class submenu {
${systems
  .map(
    (
      system,
      index,
    ) => `menuentry "NixOS - Configuration ${systems.length - index} (2026-01-01 - 26.05)" --class nixos {
${body(`${system}/init`)}
}`,
  )
  .join("\n")}
}
`;
