"""The forms of one fact: `.v2` beside `.v1`, and how an older one becomes a newer one."""

from typing import Any

import msgspec
import pytest
from promenade_kernel.events import registry
from promenade_kernel.events.envelope import Cause, Envelope, seal, seal_forms
from promenade_kernel.events.errors import PoisonMessage, UnknownEventType
from promenade_kernel.events.identity import UserDeleted
from promenade_kernel.events.registry import Event, accepted_wires, event, event_class, fact_of, upcast
from promenade_kernel.values.ids import new_id

CAUSE = Cause("process", "request")


class CatNamed(Event, frozen=True, kw_only=True):
    """A cat got a name, as it was told first."""

    name: str


class CatNamedV2(Event, frozen=True, kw_only=True):
    """The same in two parts."""

    first: str
    last: str


class CatNamedV3(CatNamedV2, frozen=True, kw_only=True):
    """The same with a title; a newer class may build upon an older one."""

    title: str = ""


def split(older: CatNamed) -> CatNamedV2:
    """One name in two parts; without a space there is no telling them apart."""
    first, last = older.name.split(" ")
    return CatNamedV2(first=first, last=last)


def untitled(older: CatNamedV2) -> CatNamedV3:
    """Nobody had a title before."""
    return CatNamedV3(first=older.first, last=older.last)


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry whose additions are forgotten."""
    for name in ("_classes", "_wires", "_contexts", "_older"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


@pytest.fixture
def forms() -> None:
    """All three forms, known to the kernel."""
    event("cat.named.v1", context="cats")(CatNamed)
    event("cat.named.v2", context="cats", older=CatNamed, upcast=split)(CatNamedV2)
    event("cat.named.v3", context="cats", older=CatNamedV2, upcast=untitled)(CatNamedV3)


def sealed(fact: Event) -> Envelope:
    return Envelope.decode(seal(fact, subject=new_id(), sequence=1, cause=CAUSE).encode())


@pytest.mark.usefixtures("forms")
def test_a_class_can_be_had_from_its_own_and_older_forms():
    """Newest first; never from a newer one."""
    assert accepted_wires(CatNamed) == ("cat.named.v1",)
    assert accepted_wires(CatNamedV2) == ("cat.named.v2", "cat.named.v1")
    assert accepted_wires(CatNamedV3) == ("cat.named.v3", "cat.named.v2", "cat.named.v1")
    assert {fact_of(wire) for wire in accepted_wires(CatNamedV3)} == {"cat.named"}


@pytest.mark.usefixtures("forms")
@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        (CatNamed(name="Ada Byron"), CatNamed(name="Ada Byron")),
        (CatNamed(name="Ada Byron"), CatNamedV2(first="Ada", last="Byron")),
        (CatNamed(name="Ada Byron"), CatNamedV3(first="Ada", last="Byron")),
        (CatNamedV2(first="Ada", last="B"), CatNamedV3(first="Ada", last="B")),
        (CatNamedV3(first="Ada", last="B", title="Countess"), CatNamedV3(first="Ada", last="B", title="Countess")),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_an_older_form_is_read_as_the_class_asked_for(sent: Event, wanted: Event):
    """Its own form as it is, an older one step by step."""
    read = sealed(sent).open_as(type(wanted))

    assert (type(read), read) == (type(wanted), wanted)


@pytest.mark.usefixtures("forms")
@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        (CatNamedV2(first="Ada", last="B"), CatNamed),
        (CatNamedV3(first="Ada", last="B"), CatNamedV2),
        (UserDeleted(user_id=new_id()), CatNamedV2),
    ],
    ids=["a newer form", "a newer form that inherits", "another fact"],
)
def test_what_is_no_older_form_is_a_mistake_of_the_reader(sent: Event, asked: type[Event]):
    """Nobody subscribed gets here: a `TypeError`, which is retried and seen, not a poison message."""
    with pytest.raises(TypeError, match="no form of"):
        sealed(sent).open_as(asked)
    with pytest.raises(TypeError, match="no way from"):
        upcast(sent, asked)


@pytest.mark.usefixtures("forms")
def test_what_cannot_be_upcast_is_poison():
    """The message can never be read as the class asked for; in its own form it still can."""
    envelope = sealed(CatNamed(name="Ada"))

    with pytest.raises(PoisonMessage, match=r"cat\.named\.v1 .* no cat\.named\.v3"):
        envelope.open_as(CatNamedV3)
    assert envelope.open_as(CatNamed) == CatNamed(name="Ada")


@pytest.mark.usefixtures("forms")
def test_an_older_form_is_read_strictly_before_it_is_upcast():
    """A missing field of the form sent is poison, a type nobody knows is not."""
    broken, unknown = sealed(CatNamed(name="Ada Byron")), sealed(CatNamed(name="Ada Byron"))
    broken = Envelope.decode(broken.encode().replace(b'"name"', b'"nome"'))
    unknown = Envelope.decode(unknown.encode().replace(b"cat.named.v1", b"cat.named.v9"))

    with pytest.raises(PoisonMessage, match="name"):
        broken.open_as(CatNamedV2)
    with pytest.raises(UnknownEventType):
        unknown.open_as(CatNamedV2)


@pytest.mark.usefixtures("forms")
def test_an_upcast_that_makes_something_else_is_poison(monkeypatch: pytest.MonkeyPatch):
    """A step that answers the wrong class is found out, whatever its annotation said."""
    monkeypatch.setitem(registry._older, CatNamedV2, (CatNamed, lambda older: older))  # pyright: ignore[reportPrivateUsage]

    with pytest.raises(PoisonMessage, match="the upcast to CatNamedV2 made CatNamed"):
        sealed(CatNamed(name="Ada Byron")).open_as(CatNamedV2)


@pytest.mark.parametrize(
    ("wire", "context", "arguments", "complaint"),
    [
        ("cat.named.v2", "cats", {"older": CatNamed, "upcast": split}, "no registered event"),
        ("user.deleted.v2", "identity", {}, r"does not say how 'user\.deleted\.v1'"),
        ("user.locked.v2", "identity", {"older": UserDeleted, "upcast": split}, r"from 'user\.locked\.v1', not from"),
        ("user.deleted.v3", "identity", {"older": UserDeleted, "upcast": split}, r"from 'user\.deleted\.v2', not"),
        ("contact.deleted.v2", "identity", {"older": UserDeleted, "upcast": split}, "not from"),
        ("user.deleted.v2", "billing", {"older": UserDeleted, "upcast": split}, "belongs to identity"),
        ("user.deleted.v2", "identity", {"older": UserDeleted}, "go together"),
    ],
    ids=["unknown", "silent", "other verb", "skipped one", "other aggregate", "other context", "no upcast"],
)
def test_a_form_follows_the_one_before(wire: str, context: str, arguments: dict[str, Any], complaint: str):
    """The same fact of the same context, one version older, and a way from it; else nothing is registered."""
    with pytest.raises(ValueError, match=complaint):
        event(wire, context=context, **arguments)(CatNamedV2)

    assert event_class(wire) is None
    assert CatNamedV2 not in registry._older  # pyright: ignore[reportPrivateUsage]


def test_forms_are_registered_oldest_first():
    """A form that comes late would have no way to the newer one."""
    event("cat.named.v2", context="cats")(CatNamedV2)

    with pytest.raises(ValueError, match="oldest first"):
        event("cat.named.v1", context="cats")(CatNamed)


@pytest.mark.usefixtures("forms")
def test_forms_are_sealed_as_one_fact():
    """One id, one sequence, one time, one cause; newest first, however they were given."""
    subject = new_id()
    v1, v2 = CatNamed(name="Ada Byron"), CatNamedV2(first="Ada", last="Byron")

    envelopes = seal_forms([v1, v2], subject=subject, sequence=3, cause=CAUSE)

    assert [envelope.type for envelope in envelopes] == ["cat.named.v2", "cat.named.v1"]
    assert [envelope.open() for envelope in envelopes] == [v2, v1]
    assert len({(e.id, e.subject, e.sequence, e.time, e.cause) for e in envelopes}) == 1
    assert (envelopes[0].subject, envelopes[0].sequence) == (subject, 3)


@pytest.mark.usefixtures("forms")
def test_a_form_says_which_others_there_are():
    """So that a reader can go by the one it knows best, in whatever order they arrive."""
    v1, v3 = CatNamed(name="Ada Byron"), CatNamedV3(first="Ada", last="Byron")

    envelopes = seal_forms([v1, v3], subject=new_id(), sequence=3, cause=CAUSE)
    alone = seal_forms([v1], subject=new_id(), sequence=3, cause=CAUSE)

    for envelope in envelopes:
        arrived = Envelope.decode(envelope.encode())
        assert arrived == envelope
        assert (arrived.forms, arrived.types) == ("3,1", ("cat.named.v3", "cat.named.v1"))
    assert [(envelope.forms, envelope.types) for envelope in alone] == [(None, ("cat.named.v1",))]
    assert b"forms" not in alone[0].encode()


@pytest.mark.usefixtures("forms")
def test_a_form_counts_itself():
    """Whatever it says of the others: it was published, or it would not be here."""
    envelope = msgspec.structs.replace(sealed(CatNamedV2(first="Ada", last="Byron")), forms="1,3")

    assert envelope.types == ("cat.named.v3", "cat.named.v2", "cat.named.v1")


@pytest.mark.parametrize("nonsense", ["", "0", "v2,v1", "2,", "two"])
def test_what_says_nonsense_of_its_forms_is_poison(nonsense: str):
    """It is no envelope of ours."""
    plain = {**msgspec.json.decode(sealed(UserDeleted(user_id=new_id())).encode()), "forms": nonsense}

    with pytest.raises(PoisonMessage, match="forms"):
        Envelope.decode(msgspec.json.encode(plain))


@pytest.mark.usefixtures("forms")
@pytest.mark.parametrize(
    "others",
    [
        [],
        [CatNamed(name="Ada"), UserDeleted(user_id=new_id())],
        [CatNamed(name="Ada"), CatNamed(name="Bob")],
    ],
    ids=["nothing", "two facts", "one form twice"],
)
def test_only_forms_of_one_fact_are_sealed_together(others: list[Event]):
    """Two facts under one id would be taken for one."""
    with pytest.raises(ValueError, match="not the forms of one fact"):
        seal_forms(others, subject=new_id(), sequence=1, cause=CAUSE)
