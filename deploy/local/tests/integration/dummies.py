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

APPLICATION = """
import http.server, json, os, signal, sys, urllib.error, urllib.request

NAME = sys.argv[0].rsplit("/", 2)[1].removeprefix("promenade_")
MOOD = os.environ.get(f"DUMMY_{NAME.upper()}", "")
ROLE = sys.argv[1]

def status(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 503

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = 503 if MOOD == "never-ready" else 200
        if self.path == "/health":
            upstreams = json.loads(os.environ["PROMENADE_GATEWAY__UPSTREAMS"])
            found = max(status(f"{urls[0]}/health/ready") for urls in upstreams.values())
        body = json.dumps({"status": "ok", "name": NAME, "version": "0", "checks": {}}).encode()
        self.send_response(found)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

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
address = (os.environ["PROMENADE_HTTP__HOST"], int(os.environ["PROMENADE_HTTP__PORT"]))
http.server.ThreadingHTTPServer(address, Health).serve_forever()
"""


def write_dummies(folder: Path) -> Path:
    """Make the five packages; returns what to put on PYTHONPATH."""
    for name in PACKAGES:
        package = folder / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(APPLICATION)
    return folder
