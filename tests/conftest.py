"""What every test gets: Hypothesis without deadlines, and in CI the same examples each time."""

import os

import hypothesis

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")
