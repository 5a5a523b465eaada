"""Hypothesis on a shared machine: few examples, no deadline, and the same ones every time."""

import os

from hypothesis import settings

# `HYPOTHESIS_PROFILE=wide pytest` looks longer, at other examples every time.
settings.register_profile("suite", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("wide", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
