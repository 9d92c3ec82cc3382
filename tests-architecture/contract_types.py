"""The two import contracts that import-linter does not bring along.

`only` is an allow list: a new dependency, or a new module of the chassis, is refused until somebody names it. The
built-in `forbidden` type can only list what is known to be bad today.
`rooms` compares an importer with what it imports: wildcards cannot say "another room than this one".
"""

import sys
from collections.abc import Iterable, Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules

# What of the standard library reaches out of the process. `http` and `urllib` stay out of this list although they
# hold clients: the linter sees only whole packages, and HTTPStatus and urlsplit are pure.
REACHING_OUT = frozenset(
    {"fileinput", "ftplib", "imaplib", "logging", "mmap", "multiprocessing", "poplib", "select", "selectors", "shutil"}
    | {"smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "tempfile", "webbrowser", "xmlrpc"}
)

Chain = tuple[str, ...]


class OnlyContract(Contract):
    """Source modules import nothing but the allowed modules, the pure standard library and each other.

    Options: `source_modules` (wildcards allowed), `allowed_modules` (trusted: each has a contract of its own) and
    `through_modules` (looked through: what they import counts as imported by the source).
    """

    type_name = "only"

    source_modules = fields.SetField(subfield=fields.ModuleExpressionField())
    allowed_modules = fields.ListField(subfield=fields.ModuleField())
    through_modules = fields.ListField(subfield=fields.ModuleField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find, for each source module, the shortest way to everything that it may not import."""
        found = module_expressions_to_modules(graph, self.source_modules, as_packages=True)
        sources = {module.name for module in found}
        allowed = [module.name for module in self.allowed_modules]
        through = [module.name for module in self.through_modules or []]
        chains: list[Chain] = []
        for source in sorted(sources):
            chains.extend(_trespasses(graph, source, sources, allowed, through))
        return ContractCheck(kept=not chains, metadata={"chains": chains})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each trespass as the chain of imports that leads to it."""
        for chain in check.metadata["chains"]:
            output.print_error(f"{chain[0]} is not allowed to import {chain[-1]}:", bold=False)
            output.print_error("    " + " -> ".join(chain), bold=False)
            output.new_line()


class RoomsContract(Contract):
    """A room (a package directly under a context) imports of another room only what the doors name.

    Options: `contexts`, the packages whose sub-packages are rooms, and `doors`, the modules open to other rooms.
    """

    type_name = "rooms"

    contexts = fields.ListField(subfield=fields.ModuleField())
    doors = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find every import from one room into another that is not through a door."""
        imports = [
            (importer, imported)
            for context in self.contexts
            for importer, room, imported in _between_rooms(graph, context.name)
            if not _is_under(imported, [f"{room}.{door}" for door in self.doors])
        ]
        return ContractCheck(kept=not imports, metadata={"imports": imports})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that goes through a wall."""
        for importer, imported in check.metadata["imports"]:
            output.print_error(f"{importer} is not allowed to import {imported}", bold=False)
        output.new_line()


def _trespasses(
    graph: ImportGraph, source: str, sources: set[str], allowed: list[str], through: list[str]
) -> Iterator[Chain]:
    queue: list[Chain] = [(source,)]
    seen = {source}
    for chain in queue:
        for imported in sorted(graph.find_modules_directly_imported_by(chain[-1]) - seen - sources):
            seen.add(imported)
            if _is_under(imported, allowed) or _is_pure_standard_library(imported):
                continue
            if _is_under(imported, through):
                queue.append((*chain, imported))
            else:
                yield (*chain, imported)


def _between_rooms(graph: ImportGraph, context: str) -> Iterator[tuple[str, str, str]]:
    rooms = sorted(room for room in graph.find_children(context) if graph.find_children(room))
    for importing_room in rooms:
        for importer in sorted({importing_room} | graph.find_descendants(importing_room)):
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                for room in rooms:
                    if room != importing_room and _is_under(imported, [room]):
                        yield importer, room, imported


def _is_under(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def _is_pure_standard_library(module: str) -> bool:
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names and root not in REACHING_OUT
