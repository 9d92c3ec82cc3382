"""What all tests of the chassis share."""

from hypothesis import HealthCheck, settings

# A loaded machine must not fail a test.
settings.register_profile("promenade", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("promenade")
