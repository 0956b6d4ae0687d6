# The `extra` table of a host: faults to rehearse, and padding for measurements. Each network fault is a unit that
# undoes it when it stops, so a rollback to a system without that unit undoes it. README.md has the table.
{text}: let
  inherit (builtins) attrNames concatStringsSep elem filter;

  allowed = {
    activation = ["fail" "hang" "slow" "tell"];
    boot = ["panic"];
    unit = ["fail" "crash" "hang"];
    sshd = ["stop" "silent"];
    firewall = ["drop-ssh"];
    network = ["down"];
    root_login = ["no" "prohibit-password"];
    daemon_forwarding = ["local" "no"];
    require_signature = [true false];
  };
  free = ["databases" "kernel" "inhibitors" "filler" "motd" "switch_seconds" "health_seconds" "confirm_seconds"];

  check = host: settings: let
    unknown = filter (key: !(allowed ? ${key}) && !elem key free) (attrNames settings);
    wrong = filter (key: allowed ? ${key} && !elem settings.${key} allowed.${key}) (attrNames settings);
  in
    if unknown != []
    then throw "hosts.${host}.extra: unknown key ${concatStringsSep ", " unknown}; keys are ${concatStringsSep ", " (attrNames allowed ++ free)}"
    else if wrong != []
    then throw "hosts.${host}.extra.${builtins.head wrong}: must be one of ${concatStringsSep ", " (map builtins.toJSON allowed.${builtins.head wrong})}"
    else settings;

  oneshot = description: start: stop: ''
    [Unit]
    Description=${description}
    After=network.target ssh.service

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    ExecStart=${start}
    ExecStop=${stop}
  '';

  network = text "network-fault.sh" (builtins.readFile ./scripts/network-fault.sh);
  silent = text "silent-sshd.py" (builtins.readFile ./scripts/silent-sshd.py);

  units = {
    unit = {
      fail.broken = ''
        [Unit]
        Description=Fails on purpose

        [Service]
        Type=oneshot
        ExecStart=/bin/sh -c 'echo "this unit was told to fail" >&2; exit 1'
      '';
      crash.broken = ''
        [Unit]
        Description=Starts and fails after a second

        [Service]
        ExecStart=/bin/sh -c 'sleep 1; exit 1'
      '';
      hang.broken = ''
        [Unit]
        Description=Never reports that it is ready

        [Service]
        Type=notify
        ExecStart=/bin/sleep infinity
        TimeoutStartSec=600
      '';
    };
    # --no-block: ssh.service starts only after this stop has finished, so waiting here would not end.
    sshd = {
      stop.no-sshd =
        oneshot "No SSH server"
        "/bin/systemctl stop ssh.socket ssh.service"
        "/bin/systemctl start --no-block ssh.service";
      silent.silent-sshd = ''
        [Unit]
        Description=Accepts connections on port 22 and sends nothing
        After=ssh.service

        [Service]
        Type=notify
        ExecStartPre=/bin/systemctl stop ssh.socket ssh.service
        ExecStart=/usr/bin/python3 -SE ${silent}
        ExecStopPost=/bin/systemctl start --no-block ssh.service
      '';
    };
    firewall.drop-ssh.drop-ssh =
      oneshot "A firewall that drops SSH"
      "/bin/sh ${network} drop-ssh" "/bin/sh ${network} undrop-ssh";
    network.down.no-network =
      oneshot "The interface is down"
      "/bin/sh ${network} down" "/bin/sh ${network} up";
  };
in {
  inherit check network;

  # settings -> {"NAME.service" = text;}
  unitsOf = settings:
    builtins.foldl' (found: key: let
      chosen = units.${key}.${settings.${key}};
    in
      found
      // builtins.listToAttrs (map (name: {
        name = "${name}.service";
        value = chosen.${name};
      }) (attrNames chosen)))
    {} (filter (key: settings ? ${key}) (attrNames units));
}
