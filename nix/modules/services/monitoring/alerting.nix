# Alertmanager's configuration: all alerts go to one address outside the fleet. Pure.
{
  repeatHours,
  url,
}: {
  route = {
    receiver = "webhook";
    group_by = ["alertname" "host"];
    group_wait = "30s";
    group_interval = "5m";
    repeat_interval = "${toString repeatHours}h";
  };
  inhibit_rules = [
    {
      source_matchers = ["alertname = HostSilent"];
      target_matchers = ["severity = warning"];
      equal = ["host"];
    }
  ];
  receivers = [
    {
      name = "webhook";
      webhook_configs = [
        {
          inherit url;
          send_resolved = true;
        }
      ];
    }
  ];
}
