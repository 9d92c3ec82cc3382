"""No binary float comes near money, and nothing rounds but the kernel's one rounding function."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
KERNEL = ROOT / "shared-kernel/kernel/src/promenade_kernel"
NEAR_MONEY = [
    *(KERNEL / "values" / name for name in ("money.py", "rounding.py", "totals.py")),
    *(KERNEL / "events" / name for name in ("order_management.py", "billing.py")),
    *ROOT.glob("services/order-management/src/*/*/**/*.py"),  # every room, those still to come included
    *ROOT.glob("services/billing/src/*/*/**/*.py"),
    *ROOT.glob("services/customer-management/src/*/deal/**/*.py"),
]


def inexact(source: str) -> Iterator[tuple[int, str]]:
    """Line and reason of each expression in which an amount could lose a unit."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float()):
                yield node.lineno, f"the float {node.value}"
            case ast.Name(id="float"):
                yield node.lineno, "float"
            case ast.Call(func=ast.Name(id="round")):
                yield node.lineno, "round(), which rounds half to even"
            case ast.Attribute(attr="quantize"):
                yield node.lineno, "quantize(), which rounds half to even"
            case ast.BinOp(op=ast.Div()) if not (_is_exact(node.left) or _is_exact(node.right)):
                yield node.lineno, "/, which makes a float of two integers; write Fraction(a, b)"
            case ast.AugAssign(op=ast.Div()):
                yield node.lineno, "/=, which makes a float of two integers"
            case _:
                pass


def _is_exact(operand: ast.expr) -> bool:
    # A division is known to be exact when one side is plainly a Fraction; with a text it joins paths.
    match operand:
        case ast.Call(func=ast.Name(id="Fraction")) | ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case _:
            return False


def test_nothing_near_money_is_inexact() -> None:
    """The kernel's money, the events that carry it and every room that handles it compute in integers and fractions."""
    faults = [
        f"{path.relative_to(ROOT)}:{line}: {reason}"
        for path in NEAR_MONEY
        if path.is_file()
        for line, reason in inexact(path.read_text())
    ]

    assert not faults, "\n".join(faults)


def test_the_money_files_are_where_the_lint_looks() -> None:
    """A moved file would otherwise leave the lint unnoticed."""
    assert [path.name for path in NEAR_MONEY[:5] if not path.is_file()] == []


@pytest.mark.parametrize(
    "line",
    [
        "tax = float(amount)",
        "def tax(rate: float) -> int: ...",
        "tax = amount * 0.19",
        "tax = amount * 1e-2",
        "tax = amount / 100",
        "tax /= 100",
        "tax = round(amount * rate)",
        "tax = Decimal(amount).quantize(CENT)",
        "tax = amount * (rate / (1 + rate))",
    ],
)
def test_an_inexact_line_is_found(line: str) -> None:
    """Each way in which a float or a second rounding slips in is noticed, with its line."""
    assert [number for number, _ in inexact(f"amount = 100\n{line}\n")] == [2]


@pytest.mark.parametrize(
    "line",
    [
        "tax = round_half_away(amount * rate.fraction)",
        "share = Fraction(amount * part, whole)",
        "rate = Fraction(self) / 100",
        "half = amount // 2",
        "page = Path(__file__).parent / 'invoice.html'",
    ],
)
def test_an_exact_line_passes(line: str) -> None:
    """What is exact, or no arithmetic at all, is left alone."""
    assert [*inexact(line)] == []
