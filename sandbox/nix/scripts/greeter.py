"""A real service: answers each connection with a line of text, over HTTP or plain TCP."""

import os
import socket
import sys
import threading

protocol, port, status, greeting = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
body = (greeting + "\n").encode()


def answer(connection):
    with connection:
        connection.settimeout(5)
        try:
            if protocol == "http":
                request = b""
                while b"\r\n\r\n" not in request and len(request) < 16384:
                    data = connection.recv(4096)
                    if not data:
                        return
                    request += data
                head = f"HTTP/1.1 {status} Sandbox\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
                connection.sendall(head.encode() + b"Connection: close\r\n\r\n")
                if request.startswith(b"HEAD "):
                    return
            connection.sendall(body)
        except OSError:
            pass


def ready():
    """Type=notify: systemd considers the unit started once it accepts connections."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect("\0" + address[1:] if address.startswith("@") else address)
            notify.send(b"READY=1")


listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
ready()
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=answer, args=(accepted,), daemon=True).start()
