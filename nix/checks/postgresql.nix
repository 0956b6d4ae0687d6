# A database is dumped, the dump is encrypted and verified, and can be restored; a damaged dump changes nothing.
{
  inputs,
  pkgs,
  ...
}: let
  # A host has databases when a service of the inventory wants one; LLDAP itself stays off.
  test = import ./support/fleet.nix {inherit inputs;} ''
    [hosts.server]
    [services.lldap]
    host = "server"
    port = 17170
  '';
  dumps = "/var/lib/dumps";
in
  pkgs.testers.runNixOSTest {
    name = "pantheros-postgresql";
    node = {inherit (test) specialArgs;};
    nodes.server = test.machine "server" {
      imports = [
        (test.secrets {
          backup-password = "correct-horse-battery-staple";
          b2-dumps = "AWS_ACCESS_KEY_ID=unused";
        })
      ];
      users.users.app = {
        isSystemUser = true;
        group = "app";
      };
      users.groups.app = {};
      pantheros.services.lldap.enable = false;
      pantheros.services.postgresql = {
        databases = ["app"];
        dump.target = dumps;
      };
      systemd = {
        services.pantheros-postgres-dump.serviceConfig.ReadWritePaths = [dumps];
        tmpfiles.rules = ["d ${dumps} 0700 root root -"];
      };
    };
    testScript = ''
      server.wait_for_unit("postgresql.service")
      server.wait_until_succeeds("runuser -u app -- psql -d app -c 'select 1'")

      def sql(statement):
          return server.succeed(f"runuser -u app -- psql --dbname=app --tuples-only --no-align --command=\"{statement}\"").strip()

      with subtest("PostgreSQL does not listen on the network, and authenticates by the socket's peer"):
          server.fail("ss --tcp --listening --numeric | grep 5432")
          server.fail("runuser -u nobody -- psql -d app -c 'select 1'")

      sql("create table note (text text); insert into note values ('remember the milk')")

      with subtest("the dump is stored and encrypted, and its metric written"):
          server.succeed("systemctl start pantheros-postgres-dump.service")
          listed = server.succeed("pantheros-postgres list app").split()
          assert listed[0] == "app" and len(listed) == 2, listed
          server.succeed("test $(find ${dumps}/server/app -type f | wc -l) = 1")
          server.fail("grep --recursive --binary-files=text 'remember the milk' ${dumps}")
          server.succeed("grep pantheros_postgres_dump_success_seconds /var/lib/pantheros/metrics/postgres-dump.prom")

      with subtest("lost data is restored, and the replaced database is kept"):
          sql("drop table note; create table later (id int)")
          server.succeed("pantheros-postgres restore app --replace")
          assert sql("select text from note") == "remember the milk"
          before = server.succeed("runuser -u postgres -- psql -tAc \"select datname from pg_database where datname like 'app_before_%'\"").strip()
          assert before, "the database from before is gone"
          server.succeed(f"runuser -u postgres -- psql -d {before} -c 'select * from later'")

      with subtest("without --replace the database stays as it is"):
          sql("insert into note values ('newer')")
          server.succeed("pantheros-postgres restore app")
          assert sql("select count(*) from note") == "2"

      with subtest("a dump that was tampered with is refused, and nothing changes"):
          server.succeed("f=$(find ${dumps}/server/app -type f) && printf garbage | dd of=$f bs=1 seek=200 conv=notrunc")
          server.fail("pantheros-postgres restore app --replace")
          assert sql("select count(*) from note") == "2"

      with subtest("a different password cannot read it"):
          server.succeed("echo other > /root/other")
          server.fail("PANTHEROS_DUMP_PASSWORD=/root/other pantheros-postgres fetch app /root/dump")
    '';
  }
