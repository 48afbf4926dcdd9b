"""What every test gets: Hypothesis without deadlines (in CI the same examples each time), and an
event loop for coroutine tests, which fail where they leave a task behind."""

import asyncio
import inspect
import os
from collections.abc import Coroutine
from typing import Any

import hypothesis
import pytest

UNSHRUNK = (hypothesis.Phase.explicit, hypothesis.Phase.generate)

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# For the deliberate errors: that an example fails is enough, it need not be a small one.
hypothesis.settings.register_profile(
    "unshrunk", parent=hypothesis.settings.get_profile("ci"), phases=UNSHRUNK
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS") or ("ci" if os.environ.get("CI") else "local"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs `async def test_…` in a loop of its own. Async fixtures: use context managers instead."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(_leaving_nothing(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})))
    return True


async def _leaving_nothing(test: Coroutine[Any, Any, None]) -> None:
    await test
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"
