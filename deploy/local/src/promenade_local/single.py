"""`python -m promenade_local.single`: all five applications in one process, on one memory bus.

PROMENADE_SINGLE holds each application's environment; everything is made inside the loop it runs in.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping

import msgspec
import uvloop
from promenade_billing import bootstrap as billing
from promenade_chassis.config import Settings, load_settings, refuse_unasked
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.http.cursors import require_cursor_key
from promenade_chassis.logs import configure_logging
from promenade_chassis.service import Service, run
from promenade_chassis.telemetry.start import start_telemetry
from promenade_customer_management import bootstrap as customer_management
from promenade_gateway.gateway import serving_gateway
from promenade_identity import bootstrap as identity
from promenade_order_management import bootstrap as order_management

BUILDERS: Mapping[str, Callable[[Settings], Service]] = {
    "identity": identity.build,
    "customer-management": customer_management.build,
    "order-management": order_management.build,
    "billing": billing.build,
}


def _built(context: str, environment: Mapping[str, str]) -> Service:
    settings = load_settings(context, environment)
    service = BUILDERS[context](settings)
    refuse_unasked(settings)
    return service


async def run_suite(environments: Mapping[str, Mapping[str, str]]) -> None:
    """Run until SIGTERM or SIGINT: the door closes first, then the services drain."""
    gateway = load_settings("gateway", environments["gateway"])
    configure_logging(gateway.log, service="suite")
    services = [_built(name, environments[name]) for name in BUILDERS]
    for service in services:
        require_cursor_key(service.settings.http)
    closing, stopping = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, closing.set)
    running = asyncio.create_task(run(services, memory=MemoryBus(), stopping=stopping))
    async with serving_gateway(gateway):
        await asyncio.wait([running, asyncio.create_task(closing.wait())], return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    await running


def main(environments: Mapping[str, Mapping[str, str]]) -> None:
    """Run the suite; each of its applications is traced under its own name."""
    settings = load_settings("gateway", environments["gateway"]).telemetry
    telemetry = start_telemetry(settings, ["gateway", *BUILDERS])
    try:
        uvloop.run(run_suite(environments))
    finally:
        telemetry.stop()


if __name__ == "__main__":
    main(msgspec.json.decode(os.environ["PROMENADE_SINGLE"], type=dict[str, dict[str, str]]))
