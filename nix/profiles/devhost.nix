# A machine for software development.
{lib, ...}: {
  pantheros.development.enable = lib.mkDefault true;
}
