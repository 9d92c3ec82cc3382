"""`python -m promenade_order_management serve | work | all | migrate | openapi`."""

from __future__ import annotations

import sys

from promenade_chassis.command_line import main

from promenade_order_management.bootstrap import CONTEXT, PACKAGE, build

if __name__ == "__main__":
    sys.exit(main(CONTEXT, PACKAGE, build))
