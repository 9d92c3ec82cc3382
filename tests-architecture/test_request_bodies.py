"""Whatever is sent to any route of the house: all its faults are named at once, and nothing breaks."""

import copy
import json
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from promenade_chassis.http.bodies import decode_body
from promenade_chassis.ports import Invalid
from promenade_kernel.values import codec
from promenade_local.openapi_commands import application_of
from promenade_local.single import BUILDERS

# What only we refuse: msgspec overlooks unknown fields, and takes NUL in a text that is no value.
OURS_ALONE = {"unknown-field", "nul-character"}
JUNK: list[Any] = [
    *(None, True, False, 0, -1, 1, 10**15, 10**30, 1.0, 1.5, -0.0),
    *(
        "",
        " ",
        "x",
        "\0",
        "a\0b",
        "\u202e",
        "1",
        "EUR",
        "eur",
        "2026-02-30",
        "2026-02-28T12:00:00",
        "x" * 3000,
        "é" * 300,
    ),
    *([], [None], [[]], {}, {"x": 1}, {"amount": 1.0, "currency": "EUR"}, {"amount": 1, "currency": "XXX"}),
]
TEXTS = [
    *("Tea", "ada@example.com", "+4366012345678", "EUR", "AT", "0.2", "12.5", "https://example.com/a", "de-AT"),
    *("Europe/Vienna", "a long enough sentence", "123456", "2026-01-31T12:00:00Z", "1990-02-28", "vip"),
    "orders:read",
    "018f0000-0000-7000-8000-000000000000",
]


@cache
def bodies() -> dict[str, type[msgspec.Struct]]:
    """The struct of every route that takes one, by its name."""
    found: dict[str, type[msgspec.Struct]] = {}
    for context in BUILDERS:
        for route in application_of(context).routes:
            for handler in getattr(route, "route_handlers", []):
                field = handler.parsed_data_field
                if field is not None:
                    found[handler.operation_id] = field.annotation
    return found


def takes(kind: Any, plain: Any) -> bool:
    try:
        codec.convert(plain, kind)
    except msgspec.ValidationError:
        return False
    return True


def fault_places(body: Any, kind: type[Any]) -> dict[str, str]:
    """Code by pointer, none when the body is good; any other error than `Invalid` fails the test."""
    try:
        decode_body(json.dumps(body).encode(), kind)
    except Invalid as refusal:
        return {fault.pointer: fault.code for fault in refusal.faults}
    return {}


@cache
def good_values(kind: Any) -> st.SearchStrategy[Any]:
    """Plain data that msgspec takes as `kind`: written by the type's own rules, or one of the texts that does."""
    described = msgspec.inspect.type_info(kind)
    return _good(described, kind)


def _good(described: Any, kind: Any) -> st.SearchStrategy[Any]:
    match described:
        case msgspec.inspect.Metadata(type=inner):
            return _good(inner, kind)
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            needed = {f.encode_name: _good_field(cls, f) for f in fields if f.required}
            more = {f.encode_name: _good_field(cls, f) for f in fields if not f.required}
            return st.fixed_dictionaries(needed, optional=more).filter(lambda plain: takes(cls, plain))
        case msgspec.inspect.ListType(item_type=item) | msgspec.inspect.VarTupleType(item_type=item):
            return st.lists(_good(item, None), min_size=described.min_length or 0, max_size=2)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_good(key, None), _good(value, None), max_size=2)
        case msgspec.inspect.UnionType(types=types):
            told = [each for each in types if not isinstance(each, msgspec.inspect.CustomType) or _text_of(each)]
            return st.one_of([_good(each, None) for each in told])
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.IntType():
            return st.sampled_from([1, 2, 1000])
        case msgspec.inspect.EnumType(cls=cls):
            return st.sampled_from([member.value for member in cls])
        case msgspec.inspect.LiteralType(values=values):
            return st.sampled_from(list(values))
        case msgspec.inspect.CustomType(cls=cls):
            return st.sampled_from([text for text in TEXTS if takes(cls, text)])
        case msgspec.inspect.StrType():
            return st.sampled_from(TEXTS)
        case msgspec.inspect.UUIDType():
            return st.just(TEXTS[-1])
        case msgspec.inspect.DateTimeType():
            return st.just("2026-01-31T12:00:00Z")
        case msgspec.inspect.DateType():
            return st.just("1990-02-28")
        case _:
            raise AssertionError(f"the test does not know {described}")


def _text_of(described: Any) -> list[str]:
    return [text for text in TEXTS if takes(described.cls, text)]


def _good_field(owner: type[Any], field: Any) -> st.SearchStrategy[Any]:
    kind = next(f.type for f in msgspec.structs.fields(owner) if f.encode_name == field.encode_name)
    return _good(field.type, kind).filter(lambda plain: takes(kind, plain))


def places(plain: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    return [at, *(place for key, value in inner for place in places(value, (*at, key)))]


def spoil(data: st.DataObject, good: dict[str, Any]) -> Any:
    """The body with up to four things wrong with it: replaced, left out or too many."""
    bad = copy.deepcopy(good)
    for place in data.draw(st.lists(st.sampled_from(places(good)[1:] or [("x",)]), max_size=4), label="places"):
        where = _holder(bad, place)
        how = data.draw(st.sampled_from(["replace", "remove", "add"]), label="how")
        if how == "replace" and where is not None:
            where[place[-1]] = copy.deepcopy(data.draw(st.sampled_from(JUNK), label="junk"))
        elif how == "remove" and isinstance(where, dict):
            where.pop(place[-1], None)
        elif isinstance(where, dict):
            where["no/such~field"] = copy.deepcopy(data.draw(st.sampled_from(JUNK), label="junk"))
    return bad


def _holder(plain: Any, place: tuple[Any, ...]) -> Any:
    for key in place[:-1]:
        inside = isinstance(plain, dict) and key in plain
        inside = inside or (isinstance(plain, list) and isinstance(key, int) and key < len(plain))
        if not inside:
            return None
        plain = plain[key]
    if isinstance(plain, list):
        return plain if isinstance(place[-1], int) and place[-1] < len(plain) else None
    return plain if isinstance(plain, dict) else None


def mend(bad: Any, good: Any, pointers: set[str]) -> Any:
    """The body with what stands at these places put right."""
    mended = copy.deepcopy(bad)
    for pointer in sorted(pointers):
        keys = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]
        mended = _put_right(mended, good, keys)
    return mended


def _put_right(bad: Any, good: Any, keys: list[str]) -> Any:
    if not keys or not isinstance(bad, dict | list) or type(bad) is not type(good):
        return copy.deepcopy(good)
    key: Any = int(keys[0]) if isinstance(bad, list) else keys[0]
    known = key in good if isinstance(good, dict) else key < len(good)
    if not known:
        bad.pop(key, None) if isinstance(bad, dict) else bad.pop(key)
    else:
        bad[key] = _put_right(bad[key] if isinstance(bad, list) or key in bad else None, good[key], keys[1:])
    return bad


def follows_from_others(kind: type[msgspec.Struct], body: dict[str, Any], pointer: str) -> bool:
    """Whether the field is good by itself, so that only a rule between fields can have refused it.

    Which address a contact needs is not known while its type is missing.
    """
    name = pointer.split("/")[1].replace("~1", "/").replace("~0", "~")
    field = next((each for each in msgspec.structs.fields(kind) if each.encode_name == name), None)
    if field is None:
        return False
    return takes(field.type, body[name]) if name in body else not field.required


many = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("operation", sorted(bodies()))
@many
@given(st.data())
def test_what_msgspec_takes_is_taken_and_nothing_else(operation: str, data: st.DataObject) -> None:
    """The verdict is msgspec's strict one, but for unknown fields and NUL; what is read is the same."""
    kind = bodies()[operation]
    body = spoil(data, data.draw(good_values(kind), label="good"))

    found = fault_places(body, kind)

    if set(found.values()) - OURS_ALONE:
        assert not takes(kind, body), found
    if not found:
        assert decode_body(json.dumps(body).encode(), kind) == codec.convert(body, kind)


@pytest.mark.parametrize("operation", sorted(bodies()))
@many
@given(st.data())
def test_no_fault_is_told_only_after_another(operation: str, data: st.DataObject) -> None:
    """Who mends what was named is accepted, or told again of a place he knows; only rules between fields come late."""
    kind = bodies()[operation]
    good = data.draw(good_values(kind), label="good")
    bad = spoil(data, good)

    first = fault_places(bad, kind)
    mended = mend(bad, good, set(first))
    # What holds an object's fields together is asked once each of them is good.
    late = {
        place
        for place in fault_places(mended, kind).keys() - first.keys()
        if not any(known.startswith(f"{place}/") for known in first)
    }

    assert not [place for place in late if not follows_from_others(kind, mended, place)], (first, late)


@pytest.mark.parametrize("operation", sorted(bodies()))
@many
@given(st.dictionaries(st.text(max_size=3), st.recursive(st.sampled_from(JUNK), st.lists, max_leaves=5), max_size=3))
def test_any_json_is_taken_or_refused(operation: str, body: dict[str, Any]) -> None:
    """No body makes a fault of ours."""
    kind = bodies()[operation]

    assert all(pointer == "" or pointer.startswith("/") for pointer in fault_places(body, kind))


@pytest.mark.parametrize("operation", sorted(bodies()))
def test_null_is_taken_only_where_it_means_something(operation: str) -> None:
    """In a PATCH null clears: a field that cannot be empty refuses it, and absent leaves all as it is."""
    kind = bodies()[operation]
    for field in msgspec.structs.fields(kind):
        faulty = f"/{field.encode_name}" in fault_places({field.encode_name: None}, kind)
        assert faulty is not takes(field.type, None)
