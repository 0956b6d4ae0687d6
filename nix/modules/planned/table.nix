# Option below `pantheros` -> what it will be.
{
  "cacheReplication" = "the binary cache's contents in more than one region";
  "contentDelivery" = "the binary cache's contents kept at Cloudflare's edge";
  "regions" = "names and services that move to another host by themselves when theirs is lost";
}
