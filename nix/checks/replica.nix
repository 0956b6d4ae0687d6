# A replica copies the primary's databases over the network with a password, follows it, and takes its place.
{
  inputs,
  pkgs,
  ...
}: let
  # A host has databases when a service of the inventory wants one; LLDAP itself stays off.
  test = import ./support/fleet.nix {inherit inputs;} ''
    [hosts.primary]
    [hosts.second]
    [services.lldap]
    host = "primary"
    port = 17170
    [services.postgresql]
    host = "primary"
    port = 5432
    protocol = "tcp"
    [services.postgresql-replica]
    host = "second"
    port = 5433
    protocol = "tcp"
    options = { primary = "primary" }
  '';
  secrets = test.secrets {
    backup-password = "correct-horse-battery-staple";
    b2-dumps = "AWS_ACCESS_KEY_ID=unused";
    postgres-replication-password = "replication-password";
  };
in
  pkgs.testers.runNixOSTest {
    name = "pantheros-replica";
    node = {inherit (test) specialArgs;};
    nodes = {
      primary = test.machine "primary" {
        imports = [secrets];
        pantheros.services = {
          lldap.enable = false;
          postgresql = {
            databases = ["app"];
            dump.enable = false;
            # The test's network stands for the tailnet's.
            replication.sources = ["192.168.0.0/16"];
          };
        };
        networking.firewall.allowedTCPPorts = [5432];
        users.users.app = {
          isSystemUser = true;
          group = "app";
        };
        users.groups.app = {};
      };
      second = test.machine "second" {imports = [secrets];};
    };
    testScript = ''
      start_all()
      primary.wait_for_unit("pantheros-postgres-replication.service")

      def at_primary(statement):
          return primary.succeed(f"runuser -u app -- psql -d app -tAc \"{statement}\"").strip()

      def replica(statement):
          return f"psql -h /run/postgresql-replica -p 5433 -U postgres -d app -tAc \"{statement}\""

      at_primary("create table note (text text); insert into note values ('of before')")

      with subtest("the replica has what was there, and follows"):
          second.wait_until_succeeds(replica("select text from note") + " | grep 'of before'")
          at_primary("insert into note values ('of after')")
          second.wait_until_succeeds(replica("select text from note") + " | grep 'of after'")
          second.fail(replica("insert into note values ('refused')"))

      with subtest("the network needs the password, and gives copies only"):
          second.fail("PGPASSWORD=wrong psql -h primary -U replication -d app -c 'select 1'")
          second.fail("PGPASSWORD=replication-password psql -h primary -U replication -d app -c 'select 1'")

      with subtest("its metric says whether it follows"):
          second.succeed("systemctl start pantheros-postgresql-replica-metrics.service")
          second.succeed("grep 'streaming 1' /var/lib/pantheros/metrics/postgres-replica.prom")

      with subtest("the primary is lost, and the replica takes its place"):
          primary.crash()
          second.succeed(replica("select pg_promote()"))
          second.succeed(replica("insert into note values ('of the new primary')"))
          second.succeed("systemctl restart pantheros-postgresql-replica.service")
          second.wait_until_succeeds(replica("select count(*) from note") + " | grep 3")
    '';
  }
