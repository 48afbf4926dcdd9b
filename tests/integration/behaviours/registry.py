"""Scripts by name: what happens to pods, run under the real scheduler and under ours.

Where a script lets a pod choose, one node alone is right, so that both choose the same. A script ends when
what it waits for has happened; what comes of it later is seen all the same, as long as the two differ.
"""

from collections.abc import Awaitable, Callable

from tests.integration.behaviours.world import World

Script = Callable[[World], Awaitable[None]]
Scripts = dict[str, Script]


def into(scripts: Scripts) -> Callable[[Script], Script]:
    """A decorator that registers a script by the name of its function."""

    def script(run: Script) -> Script:
        scripts[run.__name__.replace("_", "-")] = run
        return run

    return script
