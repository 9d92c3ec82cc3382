"""An audit trail in the log."""

from __future__ import annotations

from uuid import UUID

import structlog

from promenade_identity.audit.entity import Action
from promenade_identity.audit.repository import Details

log = structlog.get_logger(__name__)


class LoggedTrail:
    """Writes each entry to the log, also those of transactions that fail afterwards."""

    async def record(
        self, action: Action, *, actor: UUID | None, subject: UUID | str | None, details: Details | None = None
    ) -> None:
        """Take down a success."""
        log.info("audit.recorded", action=action, actor=actor, subject=subject, details=details)
