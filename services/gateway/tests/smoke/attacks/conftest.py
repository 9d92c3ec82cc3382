from collections.abc import Generator
from typing import Any

import pytest
from attack_rig import Door, Service, keys_of, listening, running
from promenade_chassis.testing.issuer import Issuer


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="session")
def listening_service(issuer: Issuer) -> Generator[Service, None, None]:
    with listening(Service(told={"jwks.json": keys_of(issuer)})) as service:
        yield service


@pytest.fixture(scope="session")
def door(listening_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Generator[Door, None, None]:
    """A gateway without Redis that lets the signed-in pass all the same: here only the bytes count."""
    here = f"http://127.0.0.1:{listening_service.port}"
    upstreams = {name: [here] for name in ("identity", "billing", "order-management", "customer-management")}
    auth: Any = {"issuer": "https://promenade.example.com", "jwks_url": f"{here}/.well-known/jwks.json"}
    gateway = {"when_redis_is_away": "pass"}
    with running(tmp_path_factory.mktemp("attacked"), upstreams, auth=auth, gateway=gateway) as running_door:
        yield running_door


@pytest.fixture
def service(listening_service: Service, issuer: Issuer) -> Service:
    """The service behind the door, which has heard nothing yet."""
    listening_service.told.clear()
    listening_service.told["jwks.json"] = keys_of(issuer)
    listening_service.early.clear()
    listening_service.heard.clear()
    listening_service.rubbish.clear()
    return listening_service
