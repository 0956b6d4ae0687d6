# A unit that must come back from whatever passes: a missing carrier, a line that is down, a port that is still taken. NixOS's
# units have no restart, or give up after five within ten seconds (systemd.unit(5), StartLimitIntervalSec=). Pure.
{
  unitConfig.StartLimitIntervalSec = 0;
  serviceConfig = {
    Restart = "always";
    RestartSec = 5;
  };
}
