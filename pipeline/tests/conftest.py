"""Profiles and nothing else: a test says itself what it needs."""

import hypothesis

# The machine may be slow and shared: a deadline would test the machine.
hypothesis.settings.register_profile("fairlead", max_examples=60, deadline=None, derandomize=True)
hypothesis.settings.load_profile("fairlead")
