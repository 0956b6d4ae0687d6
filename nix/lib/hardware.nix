# Facts from a hardware report of nixos-facter. Pure.
let
  inherit (builtins) any elem filter isString;

  cpus = report: map (cpu: cpu.vendor_name or "") (report.hardware.cpu or []);
  # PCI vendor ids. Source: the PCI ID database.
  makers = {
    "4098" = "amd";
    "32902" = "intel";
    "4318" = "nvidia";
  };
in {
  cpu = report: let
    names = cpus report;
  in
    if elem "AuthenticAMD" names
    then "amd"
    else if elem "GenuineIntel" names
    then "intel"
    else if any (name: name == "ARM" || name == "ARM Limited") names || (report.system or "") == "aarch64-linux"
    then "arm"
    else "unknown";

  gpus = report:
    filter isString (map (card: makers.${toString (card.vendor.value or 0)} or null) (report.hardware.graphics_card or []));

  virtual = report: !elem (report.virtualisation or "none") ["none" ""];
}
