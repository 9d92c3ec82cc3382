"""Permissions and system roles, exactly as identity's design lists them."""

import pytest
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.permissions import PERMISSIONS, SYSTEM_ROLES, Permission, grants

CATALOGUE = """
users: create read update delete suspend assign-roles · roles: read write · contacts: read write ·
profiles: read write · sessions: revoke · audit: read ·
customers: create read update delete merge import export · companies: read write delete · deals: read write close ·
pipelines: write · interactions: read write ·
orders: create read update place cancel override-price · fulfillments: read write · returns: read write ·
invoices: read write finalize void · payments: read create refund · credit-notes: write · plans: write ·
subscriptions: read write cancel · reports: read · events: read replay · clock: write
"""


def _catalogue() -> set[str]:
    names: set[str] = set()
    for group in CATALOGUE.split("·"):
        resource, _, actions = group.strip().partition(":")
        names |= {f"{resource}:{action}" for action in actions.split()}
    return names


def test_catalogue_is_the_designs():
    """Every permission of the design exists, and no other; each has a meaning in one line."""
    assert set(PERMISSIONS) == _catalogue()
    assert all(meaning and "\n" not in meaning for meaning in PERMISSIONS.values())


def test_there_are_five_system_roles():
    """The roles every installation has."""
    assert set(SYSTEM_ROLES) == {"superadmin", "admin", "manager", "user", "guest"}


def test_superadmin_may_do_everything():
    """The superadmin holds the wildcard of wildcards."""
    assert SYSTEM_ROLES["superadmin"] == {"*:*"}
    assert all(grants(SYSTEM_ROLES["superadmin"], name) for name in PERMISSIONS)


def test_admin_may_do_all_but_change_roles():
    """An admin holds every permission but roles:write, and not the wildcard."""
    assert SYSTEM_ROLES["admin"] == _catalogue() - {"roles:write"}
    assert not grants(SYSTEM_ROLES["admin"], "*:*")


def test_manager_runs_the_business():
    """A manager holds all of the sales resources, reads people and money, and refunds."""
    managed = ("customers:", "companies:", "deals:", "interactions:", "orders:", "fulfillments:", "returns:")
    expected = {name for name in _catalogue() if name.startswith(managed)}
    expected |= {f"{name}:read" for name in ("users", "contacts", "profiles", "invoices", "payments", "subscriptions")}

    assert SYSTEM_ROLES["manager"] == expected | {"payments:refund"}


@pytest.mark.parametrize("role", ["user", "guest"])
def test_user_and_guest_hold_nothing(role: str):
    """What is one's own and what is public needs no permission."""
    assert SYSTEM_ROLES[role] == frozenset()


@pytest.mark.parametrize(
    ("held", "asked", "granted"),
    [
        ({"orders:cancel"}, "orders:cancel", True),
        ({"orders:cancel"}, "orders:read", False),
        ({"orders:*"}, "orders:read", True),
        ({"orders:*"}, "orders:*", True),
        ({"orders:*"}, "order:read", False),
        ({"orders:*"}, "orders-archive:read", False),
        ({"*:*"}, "orders:read", True),
        ({"*:*"}, "orders:*", True),
        ({"*:*"}, "*:*", True),
        ({"orders:*"}, "*:*", False),
        (set(PERMISSIONS), "orders:*", False),
        (set(PERMISSIONS), "*:*", False),
        ({"*:read"}, "orders:read", False),
        (set[str](), "orders:read", False),
        (["orders:*"], "orders:read", True),
    ],
)
def test_grants_follows_wildcards(held: set[str], asked: str, granted: bool):
    """A wildcard includes its actions; single actions never add up to a wildcard."""
    assert grants(held, asked) is granted


@pytest.mark.parametrize("name", ["orders:cancel", "orders:*", "*:*"])
def test_a_role_may_hold_known_permissions(name: str):
    """Names of the catalogue and wildcards of its resources are permissions."""
    assert Permission(name) == name


@pytest.mark.parametrize("name", ["", "orders", "orders:fly", "Orders:read", "*:read", "planets:*", "orders:read "])
def test_a_role_may_hold_no_others(name: str):
    """Anything else is refused."""
    with pytest.raises(InvalidValue) as caught:
        Permission(name)

    assert caught.value.code == "unknown-permission"
