"""Settings of the kernel's tests, the same as the chassis gives to all others: the kernel stands without it."""

from hypothesis import HealthCheck, settings

# A loaded machine makes an example slow, never wrong.
settings.register_profile("promenade", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("promenade")
