"""A child of `stowage run`: a `stowage` command that ends when its parent does, however that ends.

    python -m stowage.run.guard PIPE FOLDER COMMAND…

The parent holds the other end of the pipe, and nobody else; where it is killed the system closes it, on
any POSIX system. The command is asked to end, and made to; FOLDER is the parent's to remove, else ours.
"""

import os
import runpy
import shutil
import signal
import sys
import threading
import time

GRACE_SECONDS = 5.0


def _watch(pipe: int, folder: str) -> None:
    """Waits for the parent's end."""
    os.read(pipe, 1)
    shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def main() -> None:
    """Runs the command."""
    _, pipe, folder, *words = sys.argv
    # Ctrl-C is the parent's to act on; until the command has handlers of its own it is not ours at all.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(int(pipe), folder), name="guard", daemon=True).start()
    sys.argv = ["stowage", *words]
    runpy.run_module("stowage", run_name="__main__")


if __name__ == "__main__":
    main()
