"""Settings of the kernel's tests."""

from hypothesis import settings

# A loaded machine makes an example slow, never wrong.
settings.register_profile("promenade", deadline=None)
settings.load_profile("promenade")
