# Facts from a hardware report of nixos-facter. Pure.
let
  inherit (builtins) any concatStringsSep elem filter fromTOML listToAttrs map match toString;

  cpus = report: map (cpu: cpu.vendor_name or "") (report.hardware.cpu or []);
  # PCI vendor ids. Source: the PCI ID database.
  makers = {
    "4098" = "amd";
    "32902" = "intel";
    "4318" = "nvidia";
  };
  cards = report: filter (card: maker card != null) (report.hardware.graphics_card or []);
  maker = card: makers.${toString (card.vendor.value or 0)} or null;

  # A place in sysfs, 0000:01:00.0 with hexadecimal numbers -> PCI:1:0:0 with decimal ones, as NixOS wants it.
  busId = place: let
    found = match "[0-9a-f]+:([0-9a-f]+):([0-9a-f]+)\\.([0-7])" place;
    decimal = digits: toString (fromTOML "value = 0x${digits}").value;
  in
    if found == null
    then null
    else "PCI:${concatStringsSep ":" (map decimal found)}";
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

  gpus = report: map maker (cards report);

  # Vendor of a graphics processor -> its place; the first one of each vendor.
  busIds = report:
    listToAttrs (filter (entry: entry.value != null) (map (card: {
      name = maker card;
      value = busId (card.sysfs_bus_id or "");
    }) (cards report)));

  virtual = report: !elem (report.virtualisation or "none") ["none" ""];
}
