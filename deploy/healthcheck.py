"""Exits 0 when this container is ready. Asked every few seconds, so it imports next to nothing.

The roles `serve` and `all` answer /health/ready; run `work` with `--no-healthcheck`, it listens nowhere.
"""
# ruff: noqa: INP001 - a script in an image, not a module

import os
import socket
import sys

address = ("127.0.0.1", int(os.environ.get("PROMENADE_HTTP__PORT", "8000")))
try:
    with socket.create_connection(address, timeout=4) as connection:
        connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        status = connection.recv(64).split(b" ")[1:2]
except OSError as error:
    sys.exit(f"no answer: {error}")
sys.exit(0 if status == [b"200"] else f"not ready: {status}")
