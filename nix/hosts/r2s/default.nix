# NanoPi R2S (Rockchip RK3328). `nix build ./nix#packages.aarch64-linux.r2s-image` builds the image
# of its SD card.
{
  config,
  modulesPath,
  pkgs,
  ...
}: let
  uboot = pkgs.buildUBoot {
    defconfig = "nanopi-r2s-rk3328_defconfig";
    extraMeta.platforms = ["aarch64-linux"];
    BL31 = "${pkgs.armTrustedFirmwareRK3328}/bl31.elf";
    filesToInstall = ["idbloader.img" "u-boot.itb"];
  };
in {
  imports = ["${modulesPath}/installer/sd-card/sd-image.nix"];

  system.stateVersion = "26.05";

  pantheros.boot = {
    # The board's U-Boot reads extlinux.conf.
    loader = "extlinux";
    # U-Boot and the boot ROM use this port and rate (U-Boot, nanopi-r2s-rk3328_defconfig).
    serialConsole = "ttyS2,1500000";
  };

  sdImage = {
    # U-Boot is before the first partition, where the boot ROM looks for it: its two parts begin at
    # 32 KiB and 8 MiB (U-Boot, doc/board/rockchip/rockchip.rst).
    firmwarePartitionOffset = 16;
    populateFirmwareCommands = "";
    populateRootCommands = ''
      mkdir -p ./files/boot
      ${config.boot.loader.generic-extlinux-compatible.populateCmd} -c ${config.system.build.toplevel} -d ./files/boot
    '';
    postBuildCommands = ''
      dd if=${uboot}/idbloader.img of=$img bs=512 seek=64 conv=notrunc
      dd if=${uboot}/u-boot.itb of=$img bs=512 seek=16384 conv=notrunc
    '';
  };
}
