"""The AsyncAPI document, made from what services subscribe to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from promenade_chassis.asyncapi import Listener, Reacting, asyncapi_document, asyncapi_yaml
from promenade_kernel.events import registry, samples
from promenade_kernel.events.billing import InvoicePaid
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserDeleted, UserSuspended
from promenade_kernel.events.registry import Event, all_events, context_of, event
from promenade_kernel.events.samples import minimal
from promenade_kernel.values.ids import new_id


async def on_user_deleted(fact: UserDeleted, _: Envelope) -> None:
    """Forget everything."""


async def on_invoice_paid(fact: InvoicePaid, _: Envelope) -> None:
    """Say thanks.

    By mail.
    """


def heard() -> list[Reacting]:
    """Orders react to two contexts."""
    listener = Listener("order-management")
    listener.subscribe(UserDeleted, on_user_deleted)
    listener.subscribe(InvoicePaid, on_invoice_paid, batch=True, alone=False)
    return listener.heard


def references(part: Any) -> Iterator[str]:
    """Every reference inside."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_a_listener_writes_down_who_subscribes_to_what():
    """Name, class, what it is for, and the options that are set."""
    assert heard() == [
        Reacting("order-management", "on_user_deleted", UserDeleted, "Forget everything."),
        Reacting("order-management", "on_invoice_paid", InvoicePaid, "Say thanks.\n\nBy mail.", ("batch",)),
    ]


def test_every_event_occurs_exactly_once():
    """As one message, in the channel of the context that owns it, and in what that context sends."""
    document = asyncapi_document(heard(), version="1.0.0")

    assert list(document["components"]["messages"]) == list(all_events())
    in_channels = [(wire, name) for name, each in document["channels"].items() for wire in each["messages"]]
    assert sorted(in_channels) == sorted((wire, context_of(cls)) for wire, cls in all_events().items())
    sent = [
        each["$ref"] for one in document["operations"].values() if one["action"] == "send" for each in one["messages"]
    ]
    assert sorted(sent) == sorted(f"#/channels/{name}/messages/{wire}" for wire, name in in_channels)


def test_who_reacts_is_told_for_each_stream():
    """One operation for each context listened to, with what each reaction is for."""
    operations = asyncapi_document(heard(), version="1.0.0")["operations"]

    receiving = {name: each for name, each in operations.items() if each["action"] == "receive"}
    assert set(receiving) == {"order-management.reacts-to.identity", "order-management.reacts-to.billing"}
    paid = receiving["order-management.reacts-to.billing"]
    assert paid["messages"] == [{"$ref": "#/channels/billing/messages/invoice.paid.v1"}]
    assert paid["x-reactions"] == {
        "invoice.paid.v1": [
            {
                "name": "on_invoice_paid",
                "description": "Say thanks.\n\nBy mail.",
                "reads": "invoice.paid.v1",
                "options": ["batch"],
            }
        ]
    }


def test_every_reference_leads_somewhere():
    """In the document, nowhere else."""
    document = asyncapi_document(heard(), version="1.0.0")
    found = set(references(document))

    assert len(found) > len(all_events())
    for reference in found:
        part = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def test_the_text_is_the_document():
    """Read back it says the same, without anchors, and it is the same every time."""
    document = asyncapi_document(heard(), version="1.0.0")
    text = asyncapi_yaml(document)

    assert yaml.safe_load(text) == document
    assert text == asyncapi_yaml(asyncapi_document(heard(), version="1.0.0"))
    assert not any(line.lstrip(" -").startswith(("&", "*")) or ": &" in line for line in text.splitlines())


class UserSuspendedV2(Event, frozen=True, kw_only=True):
    """A user may do nothing, and here is why."""

    user_id: Any
    reason: str


def test_a_newer_form_says_what_is_upcast_to_it(monkeypatch: pytest.MonkeyPatch):
    """Whoever subscribes to `.v2` reacts to both forms; `.v1` says as what it is read."""
    for name in ("_classes", "_wires", "_contexts", "_older"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    register = event(
        "user.suspended.v2",
        context="identity",
        older=UserSuspended,
        upcast=lambda older: UserSuspendedV2(user_id=older.user_id, reason="unknown"),
    )
    sample = register(UserSuspendedV2)(user_id=new_id(), reason="spam")
    monkeypatch.setattr("promenade_chassis.asyncapi.SAMPLES", {**samples.SAMPLES, "user.suspended.v2": sample})
    monkeypatch.setattr("promenade_chassis.asyncapi.MINIMAL", {**minimal.MINIMAL, "user.suspended.v2": sample})
    reaction = Reacting("billing", "on_user_suspended", UserSuspendedV2, "Stop charging.")

    document = asyncapi_document([reaction], version="1.0.0")

    assert document["components"]["messages"]["user.suspended.v2"]["x-upcast-from"] == ["user.suspended.v1"]
    told = {"name": "on_user_suspended", "description": "Stop charging.", "reads": "user.suspended.v2"}
    assert document["operations"]["billing.reacts-to.identity"]["x-reactions"] == {
        "user.suspended.v1": [told],
        "user.suspended.v2": [told],
    }
