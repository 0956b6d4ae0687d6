# Option below `pantheros` -> what it will be.
{
  "cacheReplication" = "the binary cache's contents in more than one region";
  "contentDelivery" = "static files and the cache's contents kept at Cloudflare's edge";
  "regions" = "machines of more vendors and regions that take each other's place";
  "terminalUi" = "menus, progress and colours of the control centre";
}
