"""Bringing the stack up: engines, databases, migrations, services, gateway."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping

import psycopg
from promenade_chassis import migrations
from promenade_chassis.embedded.databases import create_databases, database_name
from promenade_chassis.embedded.launch import Launch
from psycopg.rows import dict_row

from promenade_local.child import describe_exit
from promenade_local.children import Children
from promenade_local.credentials import keep_credentials, pending_credentials
from promenade_local.errors import StackError
from promenade_local.home import Home
from promenade_local.logfiles import tail
from promenade_local.names import CONTEXTS, GATEWAY
from promenade_local.plan import Plan
from promenade_local.probes import accepts_queries, is_ready, is_whole, pings, until
from promenade_local.reports import Step, Tell
from promenade_local.units import Keeper, Unit

DictConnection = psycopg.AsyncConnection[dict[str, object]]

LOOK_EVERY = 0.05
TOO_MANY_DEATHS = 4
TAIL_LINES = 15


class Startup:
    """One attempt to bring everything up."""

    def __init__(self, home: Home, plan: Plan, children: Children, keepers: Mapping[str, Keeper], tell: Tell) -> None:
        self._home = home
        self._plan = plan
        self._ports = plan.ports.by_name
        self._children = children
        self._keepers = keepers
        self._tell = tell
        self._began = time.monotonic()

    async def run(self, within: float) -> None:
        """Return when everything answers; StackError when something keeps dying or it takes too long."""
        watch = asyncio.create_task(self._watch(within))
        work = asyncio.create_task(self._bring_up())
        try:
            done, _ = await asyncio.wait({watch, work}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            watch.cancel()
            work.cancel()
            await asyncio.wait({watch, work})

    async def _bring_up(self) -> None:
        await self._bring_up_engines()
        for unit in self._plan.gateway:
            self._keepers[unit.name].start()
        await _all_of(self._bring_up_services(unit) for unit in self._plan.services)
        await until(lambda: is_whole(self._ports[GATEWAY]))
        self._reached(GATEWAY)

    async def _bring_up_engines(self) -> None:
        for engine in (self._plan.postgres, self._plan.valkey):
            engine.initialise()
            self._keepers[engine.name].start()
        await until(lambda: pings(self._ports["valkey"]))
        self._reached("valkey")
        await until(lambda: accepts_queries(self._ports["postgres"]))
        self._reached("postgres")
        try:
            create_databases(self._plan.postgres.admin_url, CONTEXTS)
        except psycopg.Error as failure:
            raise StackError(f"postgres: making the databases failed: {failure}") from failure

    async def _bring_up_services(self, unit: Unit) -> None:
        """Migrate what the unit serves, start it, wait for it; meanwhile make the superadmin if it is Identity."""
        served = [row.name for row in unit.rows if row.name in CONTEXTS]
        await _all_of(self._migrate(context) for context in served)
        self._keepers[unit.name].start()
        tasks = [self._await_ready(context) for context in served]
        if "identity" in served and not self._home.credentials.exists():
            tasks.append(self._make_superadmin())
        await _all_of(tasks)

    async def _migrate(self, context: str) -> None:
        if await self._is_migrated(context):
            return  # asking costs a hundredth of a start of the service's command line
        await self._complete(self._plan.command(context, "migrate"), context, "migrating the database")

    async def _is_migrated(self, context: str) -> bool:
        name = database_name(context)
        folders = migrations.folders_of(f"promenade_{name}")
        url = self._plan.postgres.url(name, name)
        async with await DictConnection.connect(url, row_factory=dict_row) as connection:
            try:
                return await migrations.is_current(connection, folders)
            except psycopg.errors.UndefinedTable:
                return False

    async def _make_superadmin(self) -> None:
        credentials = pending_credentials(self._home)
        command = self._plan.command("identity", "create-superadmin", "--email", credentials.email)
        password = {"PROMENADE_SUPERADMIN_PASSWORD": credentials.password}
        launch = Launch(argv=command.argv, cwd=command.cwd, env={**command.env, **password})
        await self._complete(launch, "identity", "making the superadmin")
        keep_credentials(self._home)

    async def _await_ready(self, name: str) -> None:
        await until(lambda: is_ready(self._ports[name]))
        self._reached(name)

    async def _complete(self, launch: Launch, name: str, purpose: str) -> None:
        """Run a command to its end; StackError unless it ends well."""
        child = await self._children.start(launch, self._home.log(name))
        try:
            status = await asyncio.shield(child.exited)
        finally:
            await child.stop(within=5)
        if status:
            raise StackError(f"{name}: {purpose} failed ({describe_exit(status)})\n{self._excerpt(name)}")

    async def _watch(self, within: float) -> None:
        while time.monotonic() - self._began < within:
            for name, keeper in self._keepers.items():
                if keeper.restarts >= TOO_MANY_DEATHS:
                    raise StackError(f"{name} does not stay alive: {keeper.last_end}\n{self._excerpt(name)}")
            await asyncio.sleep(LOOK_EVERY)
        late = "\n".join([self._excerpt(name) for name in await self._late()])
        raise StackError(f"not ready after {within:.0f} s\n{late}")

    async def _late(self) -> list[str]:
        """The units that the gateway waits for, or the gateway itself."""
        late = [unit.name for unit in self._plan.services if not all([await is_ready(row.port) for row in unit.rows])]
        return late or [unit.name for unit in self._plan.gateway]

    def _excerpt(self, name: str) -> str:
        log = self._home.log(name)
        return "\n".join([f"the end of {log}:", *(f"  {line}" for line in tail(log, TAIL_LINES))])

    def _reached(self, name: str) -> None:
        seconds = time.monotonic() - self._began
        self._tell(Step(name=name, text=f"ready on port {self._ports[name]} after {seconds:.1f} s"))


async def _all_of(tasks: Iterable[Coroutine[None, None, None]]) -> None:
    """All at once; the first failure ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(task)
    except BaseExceptionGroup as failures:
        # What the others say while they are cut off (a cancelled query, say) is no news beside the reason.
        reasons = failures.subgroup(StackError)
        if reasons is None:
            raise
        raise reasons.exceptions[0] from None
