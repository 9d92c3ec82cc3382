"""The pure part of the chassis: all that entities, repositories (ports) and use cases may import of it."""

from promenade_chassis.ports.aggregate import Aggregate, utc_now
from promenade_chassis.ports.cause import (
    current_cause,
    event_in_hand,
    put_down,
    take_in_hand,
    traceparent_in_hand,
    use_cause,
)
from promenade_chassis.ports.clock import Clock, RealClock
from promenade_chassis.ports.errors import (
    BadRequest,
    Conflict,
    DomainError,
    Fault,
    Forbidden,
    Invalid,
    InvalidTransition,
    NotFound,
    NotYet,
    PermanentError,
    PreconditionFailed,
    PreconditionRequired,
    ServiceUnavailable,
    StaleVersion,
    Unauthenticated,
    invalid_field,
)
from promenade_chassis.ports.lists import ListOf, NoFilters, Ordering, Sort, UnknownSort
from promenade_chassis.ports.paging import Page, PageRequest, Place, SortValue
from promenade_chassis.ports.principal import Principal
from promenade_chassis.ports.state_machine import StateMachine
from promenade_chassis.ports.unit_of_work import UnitOfWork

__all__ = [
    "Aggregate",
    "BadRequest",
    "Clock",
    "Conflict",
    "DomainError",
    "Fault",
    "Forbidden",
    "Invalid",
    "InvalidTransition",
    "ListOf",
    "NoFilters",
    "NotFound",
    "NotYet",
    "Ordering",
    "Page",
    "PageRequest",
    "PermanentError",
    "Place",
    "PreconditionFailed",
    "PreconditionRequired",
    "Principal",
    "RealClock",
    "ServiceUnavailable",
    "Sort",
    "SortValue",
    "StaleVersion",
    "StateMachine",
    "Unauthenticated",
    "UnitOfWork",
    "UnknownSort",
    "current_cause",
    "event_in_hand",
    "invalid_field",
    "put_down",
    "take_in_hand",
    "traceparent_in_hand",
    "use_cause",
    "utc_now",
]
