"""The catalogue of permissions and system roles. A permission is `resource:action`; `*` stands for any."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.text import TextValue

EVERYTHING = "*:*"

PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "users:create": "Invite a user with roles",
        "users:read": "See any user",
        "users:update": "Change any user's data",
        "users:delete": "Delete any user",
        "users:suspend": "Suspend, reinstate and unlock users",
        "users:assign-roles": "Give and take roles one holds oneself",
        "roles:read": "See roles and the permissions they hold",
        "roles:write": "Create, change and delete roles",
        "contacts:read": "See any user's contacts",
        "contacts:write": "Change any user's contacts",
        "profiles:read": "See any profile, also private ones",
        "profiles:write": "Change any profile",
        "sessions:revoke": "End any user's sessions",
        "audit:read": "Read the audit trail",
        "customers:create": "Create customers",
        "customers:read": "See any customer",
        "customers:update": "Change customers and their lifecycle",
        "customers:delete": "Delete and restore customers",
        "customers:merge": "Merge duplicate customers",
        "customers:import": "Import customers from a file",
        "customers:export": "Export all customers",
        "companies:read": "See any company",
        "companies:write": "Create and change companies",
        "companies:delete": "Delete companies",
        "deals:read": "See any deal, the board and the forecast",
        "deals:write": "Open, change and move deals",
        "deals:close": "Win, lose and reopen deals",
        "pipelines:write": "Change pipelines and their stages",
        "interactions:read": "See any interaction",
        "interactions:write": "Record and change interactions",
        "orders:create": "Create orders for anybody",
        "orders:read": "See any order",
        "orders:update": "Change, hold and release any order",
        "orders:place": "Place any order",
        "orders:cancel": "Cancel any order",
        "orders:override-price": "Set prices and discounts by hand",
        "fulfillments:read": "See any fulfillment",
        "fulfillments:write": "Pack, ship and deliver",
        "returns:read": "See any return",
        "returns:write": "Approve, reject and receive returns",
        "invoices:read": "See any invoice",
        "invoices:write": "Create and change draft invoices",
        "invoices:finalize": "Finalize, accept and send invoices",
        "invoices:void": "Void invoices and give them up as uncollectible",
        "payments:read": "See any payment and refund",
        "payments:create": "Take and record payments on any invoice",
        "payments:refund": "Refund payments",
        "credit-notes:write": "Issue credit notes",
        "plans:write": "Create and change plans",
        "subscriptions:read": "See any subscription",
        "subscriptions:write": "Create and change any subscription",
        "subscriptions:cancel": "Cancel any subscription",
        "reports:read": "Read reports",
        "events:read": "See events, dead letters and the state of delivery",
        "events:replay": "Replay and discard events and dead letters",
        "clock:write": "Advance the business clock, never in production",
    }
)
"""Every permission there is, with its meaning in one line."""

RESOURCES = frozenset(name.partition(":")[0] for name in PERMISSIONS)

_MANAGED = frozenset({"customers", "companies", "deals", "interactions", "orders", "fulfillments", "returns"})
_ALSO_FOR_MANAGERS = frozenset(
    {"users:read", "contacts:read", "profiles:read", "invoices:read", "payments:read", "subscriptions:read"}
    | {"payments:refund"}
)

SYSTEM_ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "superadmin": frozenset({EVERYTHING}),
        "admin": frozenset(PERMISSIONS) - {"roles:write"},
        "manager": frozenset(name for name in PERMISSIONS if name.partition(":")[0] in _MANAGED) | _ALSO_FOR_MANAGERS,
        "user": frozenset(),
        "guest": frozenset(),
    }
)
"""The roles that every installation has. `user` reaches what is his own, `guest` what is public."""


def grants(held: Collection[str], permission: str) -> bool:
    """Say whether the permissions held include this one.

    `*:*` includes all, `orders:*` every action on orders. A wildcard asked for is included only in itself or `*:*`:
    who holds every single action does not hold the actions to come.
    """
    if permission in held or EVERYTHING in held:
        return True
    return f"{permission.partition(':')[0]}:*" in held


class Permission(TextValue):
    """A permission as a role may hold it: one of the catalogue, `<resource>:*` of a known resource, or `*:*`."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "examples": ["orders:cancel"]}

    @classmethod
    def _normalise(cls, text: str) -> str:
        resource, _, action = text.partition(":")
        if text in PERMISSIONS or text == EVERYTHING or (action == "*" and resource in RESOURCES):
            return text
        raise InvalidValue("unknown-permission", "There is no such permission.")
