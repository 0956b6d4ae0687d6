# Option below `pantheros` -> what it will be.
{
  "aiWorkspace" = "containers for models, their training and their data";
  "cacheReplication" = "the binary cache's contents in more than one region";
  "contentDelivery" = "static files and the cache's contents kept at Cloudflare's edge";
  "hardwareKeys" = "security keys for SSH, sudo and disks";
  "regions" = "machines of more vendors and regions that take each other's place";
  "storage.tuning" = "btrfs tuning beyond the mount classes";
  "systemUpdater" = "updates of a host's inputs by itself, checked before they stay";
  "terminalUi" = "menus, progress and colours of the control centre";
  "virtualMachines" = "virtual machines with their networks and disks";
}
