"""Drives the emulated Hetzner Cloud API with the vendor's own client and prints one line per check: ok NAME or fail NAME: reason."""

import sys
import traceback

from hcloud import APIException, Client
from hcloud.firewalls.domain import FirewallResource, FirewallRule
from hcloud.images.domain import Image
from hcloud.locations.domain import Location
from hcloud.server_types.domain import ServerType
from hcloud.servers.domain import ServerCreatePublicNetwork

endpoint, token = sys.argv[1], sys.stdin.readline().strip()
client = Client(token=token, api_endpoint=endpoint, poll_interval=0.05)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

checks = []


def check(function):
    checks.append(function)
    return function


def refused(code, action):
    try:
        action()
    except APIException as error:
        assert error.code == code, f"refused with {error.code} ({error.message}), not {code}"
        return error
    raise AssertionError(f"not refused; wanted {code}")


def create(name, **options):
    response = client.servers.create(
        name=name,
        server_type=ServerType(name="cx23"),
        image=Image(name="debian-13"),
        location=Location(name="fsn1"),
        **options,
    )
    assert response.action.status == "running", response.action.status
    response.action.wait_until_finished()
    for action in response.next_actions:
        action.wait_until_finished()
    return response


def remove(server):
    server.delete().wait_until_finished()


@check
def wrong_token():
    stranger = Client(token="x" * 64, api_endpoint=endpoint)
    error = refused("unauthorized", stranger.servers.get_all)
    assert "invalid" in error.message


@check
def catalogue():
    assert {location.name for location in client.locations.get_all()} >= {"fsn1", "nbg1", "hel1"}
    server_type = client.server_types.get_by_name("cx23")
    assert (server_type.cores, server_type.memory, server_type.architecture) == (2, 4, "x86")
    assert [entry.location.name for entry in server_type.locations][:1] == ["fsn1"]
    image = client.images.get_by_name_and_architecture("debian-13", "arm")
    assert image.os_flavor == "debian" and image.architecture == "arm"


@check
def ssh_key_life():
    key = client.ssh_keys.create(name="deploy", public_key=KEY, labels={"managed": "yes"})
    assert key.fingerprint.count(":") == 15
    refused("uniqueness_error", lambda: client.ssh_keys.create(name="other", public_key=KEY))
    error = refused("invalid_input", lambda: client.ssh_keys.create(name="bad", public_key="no key"))
    assert error.details["fields"][0]["name"] == "public_key"
    key = key.update(name="deploy-2", labels={})
    assert client.ssh_keys.get_by_name("deploy-2").id == key.id
    assert client.ssh_keys.get_by_fingerprint(key.fingerprint).id == key.id
    key.delete()
    refused("not_found", lambda: client.ssh_keys.get_by_id(key.id))


@check
def server_life():
    key = client.ssh_keys.create(name="life", public_key=KEY)
    response = create("life", ssh_keys=[key], labels={"role": "web"}, user_data="#cloud-config\n")
    assert response.root_password is None
    server = client.servers.get_by_id(response.server.id)
    assert server.status == "running", server.status
    assert server.public_net.ipv4.ip.startswith("203.0.113.")
    assert server.public_net.ipv6.ip.endswith("::/64")
    assert server.image.name == "debian-13" and server.server_type.name == "cx23" and server.location.name == "fsn1"
    refused("uniqueness_error", lambda: create("life"))
    refused("invalid_input", lambda: create("not a host name"))

    server.update(labels={"role": "db"})
    assert client.servers.get_all(label_selector="role=db")[0].id == server.id
    assert client.servers.get_all(label_selector="role!=db") == []
    assert client.servers.get_by_name("life").id == server.id

    server.shutdown().wait_until_finished()
    server.reload()
    assert server.status == "off"
    server.power_on().wait_until_finished()
    server.reload()
    assert server.status == "running"

    server.enable_backup().wait_until_finished()
    server.disable_backup().wait_until_finished()
    commands = [action.command for action in server.get_actions()]
    assert commands[0] == "create_server" and "shutdown_server" in commands, commands
    action = client.actions.get_by_id(server.get_actions()[0].id)
    assert action.status == "success" and action.progress == 100
    server.rebuild(Image(name="ubuntu-24.04")).action.wait_until_finished()
    server.reload()
    assert server.image.name == "ubuntu-24.04"
    remove(server)
    key.delete()
    refused("not_found", lambda: client.servers.get_by_id(server.id))


@check
def server_protection_and_type():
    server = create("guarded").server
    server.change_protection(delete=True, rebuild=True).wait_until_finished()
    refused("protected", server.delete)
    refused("protected", lambda: server.rebuild(Image(name="debian-12")))
    refused("invalid_input", lambda: server.change_protection(delete=False, rebuild=True))
    server.change_protection(delete=False, rebuild=False).wait_until_finished()
    bigger = ServerType(name="cx33")
    refused("server_not_stopped", lambda: server.change_type(bigger, upgrade_disk=False))
    server.power_off().wait_until_finished()
    refused("invalid_server_type", lambda: server.change_type(ServerType(name="cax21"), upgrade_disk=False))
    server.change_type(bigger, upgrade_disk=False).wait_until_finished()
    server.reload()
    assert server.server_type.name == "cx33" and server.primary_disk_size == 40
    assert server.status == "running", "a change of type starts the server again"
    remove(server)


@check
def primary_ip_survives():
    ip = client.primary_ips.create(type="ipv4", name="kept", location=Location(name="fsn1"), auto_delete=False).primary_ip
    address = ip.ip
    server = create("holder", public_net=ServerCreatePublicNetwork(ipv4=ip, enable_ipv6=False)).server
    server.reload()
    assert server.public_net.ipv4.ip == address and server.public_net.ipv6 is None
    refused("primary_ip_assigned", lambda: create("thief", public_net=ServerCreatePublicNetwork(ipv4=ip)))
    refused("server_not_stopped", ip.unassign)
    ip.change_dns_ptr(address, "kept.example.test").wait_until_finished()
    ip.change_protection(delete=True).wait_until_finished()
    remove(server)
    ip.reload()
    assert ip.ip == address and ip.assignee_id is None
    refused("protected", ip.delete)
    ip.change_protection(delete=False).wait_until_finished()
    again = create("holder-2", public_net=ServerCreatePublicNetwork(enable_ipv4=False)).server
    again.power_off().wait_until_finished()
    ip.assign(again.id, "server").wait_until_finished()
    again.reload()
    refused("resource_in_use", ip.delete)
    assert again.public_net.ipv4.ip == address and again.public_net.ipv4.dns_ptr == "kept.example.test"
    ip.unassign().wait_until_finished()
    ip.delete()
    remove(again)
    assert client.primary_ips.get_all() == [], "addresses made with a server go with it"


@check
def firewall_life():
    rule = FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["198.51.100.1/32"], destination_ips=[])
    server = create("walled").server
    firewall = client.firewalls.create(
        name="wall",
        rules=[rule],
        resources=[FirewallResource(type=FirewallResource.TYPE_SERVER, server=server)],
    ).firewall
    firewall.reload()
    assert firewall.rules[0].source_ips == ["198.51.100.1/32"] and firewall.applied_to[0].server.id == server.id
    server.reload()
    assert [entry.firewall.id for entry in server.public_net.firewalls] == [firewall.id]
    refused("resource_in_use", firewall.delete)
    for action in firewall.set_rules([rule, FirewallRule("in", "icmp", ["0.0.0.0/0", "::/0"])]):
        action.wait_until_finished()
    firewall.reload()
    assert len(firewall.rules) == 2
    refused("invalid_input", lambda: firewall.set_rules([FirewallRule("in", "tcp", ["0.0.0.0/0"])]))
    resource = FirewallResource(type=FirewallResource.TYPE_SERVER, server=server)
    refused("firewall_already_applied", lambda: firewall.apply_to_resources([resource]))
    for action in firewall.remove_from_resources([resource]):
        action.wait_until_finished()
    firewall.delete()
    remove(server)


@check
def placement_group_life():
    group = client.placement_groups.create(name="apart", type="spread").placement_group
    server = create("placed", placement_group=group).server
    server.reload()
    assert server.placement_group.id == group.id
    refused("resource_in_use", group.delete)
    server.remove_from_placement_group().wait_until_finished()
    group.delete()
    remove(server)


@check
def pages_and_order():
    for number in range(7):
        client.placement_groups.create(name=f"page-{number}", type="spread", labels={"page": "yes"})
    page = client.placement_groups.get_list(page=2, per_page=3, label_selector="page")
    assert [len(page.placement_groups), page.meta.pagination.last_page, page.meta.pagination.total_entries] == [3, 3, 7]
    assert page.meta.pagination.next_page == 3 and page.meta.pagination.previous_page == 1
    everything = client.placement_groups.get_all(label_selector="page in (yes, no),!other")
    assert [group.name for group in everything] == [f"page-{number}" for number in range(7)]
    for group in everything:
        group.delete()


failures = 0
for function in checks:
    try:
        function()
        print(f"ok {function.__name__}")
    except Exception as error:
        failures += 1
        where = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(where) if frame.filename == __file__), 0)
        print(f"fail {function.__name__}: line {line}: {type(error).__name__}: {error}")
sys.exit(1 if failures else 0)
