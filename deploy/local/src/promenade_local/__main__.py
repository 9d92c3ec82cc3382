"""python -m promenade_local: the same as `promenade`."""

from promenade_local.cli import app

app()
