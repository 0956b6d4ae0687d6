# A unit that must recover from any passing failure, such as a missing carrier or a port in use. NixOS' units do not
# restart, or stop trying after five failures within ten seconds (systemd.unit(5), StartLimitIntervalSec=). Pure.
{
  unitConfig.StartLimitIntervalSec = 0;
  serviceConfig = {
    Restart = "always";
    RestartSec = 5;
  };
}
