# Everyday commands. `just` alone lists them; `./run just RECIPE` prepares the environment first.
# Everything after a test recipe's name goes to pytest: `just test-unit -k totals -x`.

set positional-arguments

export UV_PYTHON_DOWNLOADS := "never"
export PATH := justfile_directory() / ".venv/bin" + ":" + justfile_directory() / ".tools" + ":" + env("PATH")

# One process per core of a small machine; PROMENADE_TEST_WORKERS=8 for a large one.
workers := env("PROMENADE_TEST_WORKERS", "2")
# A file stays with one process: a stack, a service or a set of engines is started once for it.
# Files come in the order of testpaths, the longest first: a stack that is started last would keep everybody waiting.
parallel := "-n " + workers + " --dist loadfile --no-loadscope-reorder"

# Where asyncapi.yaml and its page are: for readers, and in the package of the gateway, which serves them.
asyncapi_folders := "shared-kernel/schemas services/gateway/src/promenade_gateway/docs/events"

_list:
    @just --list --unsorted

# all tests of all tiers
[group('test')]
[no-exit-message]
test *arguments:
    pytest {{ parallel }} "$@"

# rules and values, without any I/O
[group('test')]
[no-exit-message]
test-unit *arguments:
    @just _tier unit "$@"

# whole rooms and apps on fakes, in one process
[group('test')]
[no-exit-message]
test-smoke *arguments:
    @just _tier smoke "$@"

# adapters, migrations and the bus on a real PostgreSQL and a real Redis
[group('test')]
[no-exit-message]
test-integration *arguments:
    @just _tier integration "$@"

# through the gateway, all services running
[group('test')]
[no-exit-message]
test-e2e *arguments:
    pytest {{ parallel }} tests-e2e "$@"

# the documentation page in a real browser, everything running; needs chromium (Debian: apt-get install chromium)
[group('test')]
[no-exit-message]
test-browser *arguments:
    @UV_PROJECT_ENVIRONMENT='{{ justfile_directory() }}/.venv' UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" \
        uv sync --quiet --frozen --all-packages --inexact --group browser
    pytest tests-e2e/browser "$@"

# the integration tests on the images that production runs, and compose.yaml itself; needs a Docker engine
[group('test')]
[no-exit-message]
test-docker *arguments:
    @PROMENADE_TEST_BACKEND=docker just _tier 'integration docker' --dist loadfile "$@"

# the long ones that `test` leaves out: more deaths, under load, of two of everything
[group('test')]
[no-exit-message]
test-crash *arguments:
    pytest {{ parallel }} -m long "$@"

# every specification fuzzed through the gateway, with many cases; PROMENADE_FUZZ_CASES says how many
[group('test')]
[no-exit-message]
fuzz *arguments:
    PROMENADE_FUZZ_CASES="${PROMENADE_FUZZ_CASES:-50}" pytest -n 0 tests-e2e/test_fuzz.py -m 'long or not long' "$@"

# import contracts, money without floats, tables; each with its negative control
[group('test')]
[no-exit-message]
test-architecture *arguments:
    pytest {{ parallel }} tests-architecture "$@"

# A tier is every tests folder of that name. Without one pytest would fall back to running everything.
[no-exit-message]
_tier names *arguments:
    #!/bin/sh
    set -eu
    shift
    folders=$(for name in {{ names }}; do find shared-kernel services deploy tests-e2e -type d -name "$name" -path '*tests*'; done)
    [ -n "$folders" ] || { echo "There are no tests of the tier {{ names }} yet." >&2; exit 1; }
    exec pytest {{ parallel }} $folders "$@"

# one service's tests with nothing installed but that service, kernel and chassis: just test-alone identity
[group('test')]
[no-exit-message]
test-alone service *arguments:
    #!/bin/sh
    set -eu
    shift
    alone=$(mktemp -d)
    trap 'rm -rf "$alone"' EXIT
    unset VIRTUAL_ENV
    UV_PROJECT_ENVIRONMENT="$alone/venv" uv sync --quiet --frozen --package 'promenade-{{ service }}'
    "$alone/venv/bin/python" -m pytest {{ parallel }} 'services/{{ service }}/tests' "$@"

# everything but the tests: what a reviewer should not have to say
[group('check')]
check: lint format-check types contracts golden-check asyncapi-check problems-check openapi-check

# style and likely mistakes
[group('check')]
lint:
    ruff check .

# formatting, looked at only
[group('check')]
format-check:
    ruff format --check .

# formatting and what ruff can mend by itself
[group('check')]
format:
    ruff format .
    ruff check --fix .

# strict types in all sources
[group('check')]
types:
    basedpyright

# who may import whom (.importlinter)
[group('check')]
contracts:
    lint-imports --no-cache --no-logo

# the golden event schemas are what the classes say
[group('check')]
golden-check:
    python -m promenade_kernel.events.golden --check shared-kernel/schemas

# write the golden event schemas and samples
[group('generate')]
golden:
    python -m promenade_kernel.events.golden --write shared-kernel/schemas

# asyncapi.yaml and its page are what the event classes and the services' reactions say
[group('check')]
asyncapi-check:
    python -m promenade_local.asyncapi --check {{ asyncapi_folders }}

# write asyncapi.yaml and its page, events.html
[group('generate')]
asyncapi:
    python -m promenade_local.asyncapi --write {{ asyncapi_folders }}

# the catalogue of problems is what the error classes and the faults.toml files say
[group('check')]
problems-check:
    python -m promenade_local.problems --check services/gateway/src/promenade_gateway/problems.json

# write the catalogue of problems, which the gateway serves at /problems
[group('generate')]
problems:
    python -m promenade_local.problems --write services/gateway/src/promenade_gateway/problems.json

# each openapi.json is what the routes say, and breaks nothing that openapi.released.json promised
[group('check')]
openapi-check *services:
    promenade openapi --check "$@"

# fetch Swagger UI again and refuse what is not in its manifest; `just vendor-docs --accept 5.36.0` takes another version
[group('generate')]
vendor-docs *arguments:
    python -m promenade_gateway.docs.vendoring "$@"

# write each service's openapi.json
[group('generate')]
openapi *services:
    promenade openapi "$@"

# note the present specifications as released: from now on they are what must not break
[group('generate')]
openapi-release *services:
    promenade openapi --release "$@"

# start the whole suite on this machine, default port 8000
[group('run')]
up *arguments:
    promenade up "$@"

# tell the story, from registration to a delivered order
[group('run')]
demo *arguments:
    promenade demo "$@"

# stop what `up --detach` left running
[group('run')]
down *arguments:
    promenade down "$@"

# ours and its peers in one run, as ratios; writes bench/results.json; just bench --list names the rows
[group('run')]
[no-exit-message]
bench *arguments: _peers
    python bench "$@"

# the same with large sizes and more runs
[group('run')]
[no-exit-message]
bench-long *arguments: _peers
    python bench --long --runs 9 "$@"

# What is only measured against is installed on demand, beside what is there; without it the rows say which peer is
# missing. nginx, HAProxy, wrk and redis-benchmark are the system's: apt-get install nginx-light haproxy wrk redis-tools
_peers:
    @UV_PROJECT_ENVIRONMENT='{{ justfile_directory() }}/.venv' UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" \
        uv sync --quiet --frozen --all-packages --inexact --group bench \
        || echo 'just bench: the peers could not be installed; going on without them.' >&2
    @cd bench/peers/fastify && { [ -d node_modules ] || npm ci --silent --no-audit --no-fund; } \
        || echo 'just bench: fastify could not be installed (npm); going on without it.' >&2
