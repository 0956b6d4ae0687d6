# A machine software is written on.
{lib, ...}: {
  pantheros.development.enable = lib.mkDefault true;
}
