# Kernel settings: it exposes less, and loads fewer modules.
{
  config,
  lib,
  ...
}: let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.pantheros.hardening;
  # Overrides NixOS' defaults; a host's own settings override it.
  ours = lib.mkOverride 900;
  strict = cfg.level == "strict";
in {
  options.pantheros.hardening = {
    level = mkOption {
      type = types.enum ["none" "standard" "strict"];
      default = "standard";
      description = ''
        `standard` suits every server and laptop. `strict` also refuses to load modules after boot, to trace processes, and
        to replace the running kernel (so no hibernation).
      '';
    };
    blockedModules = mkOption {
      type = types.listOf types.str;
      default = ["dccp" "sctp" "rds" "tipc" "n-hdlc" "ax25" "netrom" "rose" "decnet" "econet" "af_802154" "ipx" "appletalk" "psnap" "p8023" "p8022" "cramfs" "freevxfs" "jffs2" "hfs" "hfsplus"];
      description = "Modules of unused protocols and file systems with many past vulnerabilities.";
    };
  };

  # Source: the kernel's Documentation/admin-guide/sysctl.
  config = mkIf (cfg.level != "none") {
    boot = {
      blacklistedKernelModules = cfg.blockedModules;
      kernel.sysctl = {
        "kernel.dmesg_restrict" = ours 1;
        "kernel.kptr_restrict" = ours 2;
        "kernel.unprivileged_bpf_disabled" = ours 1;
        "kernel.yama.ptrace_scope" = ours (
          if strict
          then 2
          else 1
        );
        "kernel.sysrq" = ours 4;
        "net.core.bpf_jit_harden" = ours 2;
        "net.ipv4.tcp_syncookies" = ours 1;
        "net.ipv4.conf.all.accept_redirects" = ours 0;
        "net.ipv4.conf.default.accept_redirects" = ours 0;
        "net.ipv4.conf.all.secure_redirects" = ours 0;
        "net.ipv4.conf.all.send_redirects" = ours 0;
        "net.ipv4.conf.default.send_redirects" = ours 0;
        "net.ipv6.conf.all.accept_redirects" = ours 0;
        "net.ipv6.conf.default.accept_redirects" = ours 0;
        "fs.protected_fifos" = ours 2;
        "fs.protected_regular" = ours 2;
        "fs.protected_hardlinks" = ours 1;
        "fs.protected_symlinks" = ours 1;
        "fs.suid_dumpable" = ours 0;
      };
      kernelParams = ["slab_nomerge" "page_alloc.shuffle=1" "randomize_kstack_offset=on" "vsyscall=none"];
    };
    security = {
      protectKernelImage = mkIf strict (mkDefault true);
      lockKernelModules = mkIf strict (mkDefault true);
    };
    systemd.coredump.enable = mkDefault (!strict);
  };
}
