"""The plumbing every service stands on."""

from promenade_chassis.unasked import import_nothing_unasked

import_nothing_unasked()
