"""Stand-ins for the five applications: they answer health checks and do as the environment tells them.

Each becomes a package `promenade_<context>` in a folder that stands first on PYTHONPATH. DUMMY_<NAME> says how
it misbehaves: `fails-to-migrate`, `dies`, `never-ready`, `ignores-sigterm`.
"""

from pathlib import Path

PACKAGES = (
    "promenade_gateway",
    "promenade_identity",
    "promenade_customer_management",
    "promenade_order_management",
    "promenade_billing",
)

# Sockets and no more: a stack starts ten of these processes, and what they import would be most of that.
APPLICATION = """
import json, os, signal, socket, sys

NAME = sys.argv[0].rsplit("/", 2)[1].removeprefix("promenade_")
MOOD = os.environ.get(f"DUMMY_{NAME.upper()}", "")
ROLE = sys.argv[1]

def status(url):
    host, _, port = url.rpartition("/")[2].partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2) as asking:
            asking.sendall(b"GET /health/ready HTTP/1.1\\r\\n\\r\\n")
            return int(asking.makefile("rb").readline().split()[1])
    except (OSError, IndexError):
        return 503

def answer(client):
    asked = client.makefile("rb")
    words = asked.readline().split()
    while asked.readline().strip():
        pass
    if not words:
        return
    found = 503 if MOOD == "never-ready" else 200
    if words[1] == b"/health":
        upstreams = json.loads(os.environ["PROMENADE_GATEWAY__UPSTREAMS"])
        found = max(status(urls[0]) for urls in upstreams.values())
    body = json.dumps({"status": "ok", "name": NAME, "version": "0", "checks": {}})
    head = f"Content-Type: application/json\\r\\nContent-Length: {len(body)}\\r\\nConnection: close"
    client.sendall(f"HTTP/1.1 {found} Whatever\\r\\n{head}\\r\\n\\r\\n{body}".encode())

if ROLE == "migrate":
    print(f"{NAME} migrates {os.environ['PROMENADE_DATABASE__URL']}", flush=True)
    sys.exit("the migration is broken" if MOOD == "fails-to-migrate" else 0)
if ROLE == "create-superadmin":
    open(os.environ["PROMENADE_HOME"] + "/superadmins", "a").write(
        f"{sys.argv[3]} {os.environ['PROMENADE_SUPERADMIN_PASSWORD']}\\n"
    )
    sys.exit(0)
if MOOD == "dies":
    sys.exit(f"{NAME} cannot live")
signal.signal(signal.SIGTERM, signal.SIG_IGN if MOOD == "ignores-sigterm" else lambda *_: os._exit(0))
print(f"{NAME} {ROLE} starts", flush=True)
server = socket.create_server((os.environ["PROMENADE_HTTP__HOST"], int(os.environ["PROMENADE_HTTP__PORT"])))
while True:
    client, _ = server.accept()
    with client:
        try:
            client.settimeout(5)
            answer(client)
        except OSError:
            pass
"""


def write_dummies(folder: Path) -> Path:
    """Make the five packages; returns what to put on PYTHONPATH."""
    for name in PACKAGES:
        package = folder / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(APPLICATION)
    return folder
