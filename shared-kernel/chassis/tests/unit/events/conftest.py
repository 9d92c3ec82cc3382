"""Contracts tell what differs when they fail, like tests that stand in test files."""

import pytest

pytest.register_assert_rewrite(
    "promenade_chassis.testing.batch_contract",
    "promenade_chassis.testing.bus_contract",
    "promenade_chassis.testing.retry_contract",
)
