"""The import contracts hold, and each of them would notice if they did not."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.api import read_configuration
from importlinter.application import use_cases as import_linter

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / ".importlinter"
SOURCE_TREES = {tree.name: tree for tree in sorted(ROOT.glob("*/*/src/promenade_*"))}

Control = tuple[str, str, str]


def controls() -> Iterator[Control]:
    """(contract, who imports, what he must not import); `a > b` reads: a, which imports b."""
    kernel, chassis, identity = "promenade_kernel", "promenade_chassis", "promenade_identity"
    values, events, ports = f"{kernel}.values.money", f"{kernel}.events.registry", f"{chassis}.ports.clock"
    user, session = f"{identity}.user", f"{identity}.session"
    invoice, local = "promenade_billing.invoice", "promenade_local.cli"

    yield "house", values, events
    yield "house", values, ports
    yield "house", events, ports
    yield "house", events, f"{invoice}.entity"
    yield "house", f"{chassis}.config", f"{identity}.bootstrap"
    yield "house", f"{chassis}.config", local
    yield "house", "promenade_billing.bootstrap", local
    yield "services-independent", "promenade_order_management.reactions", f"{invoice}.entity"
    yield "services-independent", f"{user}.http", "promenade_customer_management.customer.entity"
    yield "services-independent", f"{invoice}.use_cases", f"{chassis}.tax > {user}.entity"
    yield "services-independent", "promenade_billing.bootstrap", "promenade_gateway.app"
    yield "gateway", "promenade_gateway.proxy", f"{session}.entity"
    yield "gateway", "promenade_gateway.proxy", local
    for library in ("litestar", "psycopg", "redis", "structlog", "httpx", "socket", f"{user}.entity", ports):
        yield "kernel-pure", values, library
    for library in ("litestar", "psycopg", "structlog", f"{chassis}.config"):
        yield "ports-pure", ports, library
    for library in ("litestar", "redis", "structlog", "smtplib", f"{chassis}.events.bus", chassis):
        yield "inner-files-pure", f"{invoice}.use_cases", library
    yield "inner-files-pure", f"{user}.entity", f"{user}.codes > redis"
    yield "rooms-open-two-doors", f"{session}.use_cases", f"{user} > {user}.entity"  # the room itself, past its doors
    for importer in ("entity", "use_cases", "http", "postgres", "use_cases.refresh"):
        for imported in ("http", "postgres", "use_cases"):
            yield "rooms-open-two-doors", f"{session}.{importer}", f"{user}.{imported}"
    yield "identity-files", f"{user}.entity", f"{user}.codes > {user}.postgres"
    for upper, lower in (("me", "session"), ("session", "user"), ("user", "contact"), ("contact", "audit")):
        yield "identity-rooms", f"{identity}.{lower}.entity", f"{identity}.{upper}.entity"
    yield "identity-rooms", f"{identity}.contact.entity", f"{identity}.profile.entity"
    yield "identity-rooms", f"{identity}.contact.http", f"{identity}.bootstrap"
    for context in ("identity", "customer_management", "order_management", "billing"):
        yield from controls_of_a_context(context.replace("_", "-"), f"promenade_{context}")


def controls_of_a_context(slug: str, context: str) -> Iterator[Control]:
    """What holds in each context alike, shown in rooms that nobody has thought of yet."""
    room = f"{context}.probe"
    for importer in ("entity", "repository", "use_cases"):
        yield "inner-files-pure", f"{room}.{importer}", "psycopg"
    yield "inner-files-pure", f"{room}.use_cases.place", "promenade_chassis.database"
    for importer, imported in (("http", "postgres"), ("postgres", "http"), ("use_cases", "http")):
        yield f"{slug}-files", f"{room}.{importer}", f"{room}.{imported}"
    for importer, imported in (("use_cases", "postgres"), ("repository", "use_cases"), ("entity", "repository")):
        yield f"{slug}-files", f"{room}.{importer}", f"{room}.{imported}"
    yield "rooms-open-two-doors", f"{room}.use_cases", f"{context}.other_probe.use_cases"
    yield f"{slug}-rooms", f"{room}.entity", "promenade_kernel"  # no place in the order of the rooms
    yield f"{slug}-rooms", f"{context}.reactions", f"{context}.bootstrap"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the linter finds packages before it finds the real ones."""
    for name in set(SOURCE_TREES) & set(sys.modules):
        monkeypatch.delitem(sys.modules, name)  # a package already imported would be looked up where it really is
    monkeypatch.syspath_prepend(ROOT)  # the contract types of our own
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def read_files(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the linter notes what the files of the house import, by their times: only what is new is read again."""
    return str(tmp_path_factory.mktemp("read"))


def lint(read_files: str, *contracts: str) -> bool:
    """Run import-linter in this process; errors of its own are raised, so False means: a contract is broken."""
    return import_linter.lint_imports(
        str(CONFIGURATION), limit_to_contracts=contracts, cache_dir=read_files, is_debug_mode=True, no_logo=True
    )


def add_import(tree: Path, importer: str, imported: str) -> None:
    """Write the import into a copy of the package, making both modules where they do not exist yet."""
    write_module(tree, importer, f"import {imported}\n")
    write_module(tree, imported)


def write_module(tree: Path, module: str, text: str = "") -> None:
    root, *packages = module.split(".")[:-1] or [""]
    if root not in SOURCE_TREES:
        return
    folder = tree / root
    if not folder.exists():
        shutil.copytree(SOURCE_TREES[root], folder, ignore=shutil.ignore_patterns("__pycache__"))
    for package in packages:
        folder /= package
        folder.with_suffix(".py").unlink(missing_ok=True)  # a module that grows into a package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    name = module.rpartition(".")[2]
    target = folder / name / "__init__.py" if (folder / name).is_dir() else folder / f"{name}.py"
    with target.open("a") as file:
        file.write("\n" + text)


def contracts() -> dict[str, dict[str, str | list[str]]]:
    """The options of each contract by its id."""
    return {options["id"]: options for options in read_configuration(str(CONFIGURATION))["contracts_options"]}


def names(options: str | list[str]) -> set[str]:
    """The modules that an option lists."""
    return set(" ".join([options] if isinstance(options, str) else options).replace("|", " ").split())


def test_the_house_keeps_every_contract(tree: Path, read_files: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The code as it stands breaks no contract; copies of it are what the controls start from."""
    assert lint(read_files), capsys.readouterr().out


@pytest.mark.parametrize(("contract", "importer", "path"), [*controls()])
def test_a_forbidden_import_breaks_its_contract(
    tree: Path, read_files: str, contract: str, importer: str, path: str
) -> None:
    """One import against the rule, and this very contract is broken."""
    for imported in path.split(" > "):
        add_import(tree, importer, imported)
        importer = imported

    assert not lint(read_files, contract)


def test_no_contract_without_a_control() -> None:
    """A contract that nothing in the table breaks may be one that nothing can break."""
    assert {contract for contract, _, _ in controls()} == set(contracts())


def test_no_contract_ignores_anything() -> None:
    """An exception to a contract is a change of the contract, made where everybody sees it."""
    ignoring = {name for name, options in contracts().items() if any("ignore" in option for option in options)}

    assert ignoring == set()


def test_every_package_is_under_contract() -> None:
    """A new service must be named by the contracts of the house and have its own for files and rooms."""
    services = {name for name, tree in SOURCE_TREES.items() if tree.is_relative_to(ROOT / "services")}
    contexts = services - {"promenade_gateway"}
    inner = {f"{context}.*.{file}" for context in contexts for file in ("entity", "repository", "use_cases")}
    slugs = {context.removeprefix("promenade_").replace("_", "-") for context in contexts}

    by_name = contracts()

    assert names(read_configuration(str(CONFIGURATION))["session_options"]["root_packages"]) == set(SOURCE_TREES)
    assert names(by_name["house"]["layers"]) >= services
    assert names(by_name["services-independent"]["modules"]) == services
    assert names(by_name["gateway"]["forbidden_modules"]) == contexts | {"promenade_local"}
    assert names(by_name["rooms-open-two-doors"]["contexts"]) == contexts
    assert names(by_name["inner-files-pure"]["through_modules"]) == contexts
    assert names(by_name["inner-files-pure"]["source_modules"]) == inner
    assert set(by_name) >= {f"{slug}-{kind}" for slug in slugs for kind in ("files", "rooms")}
