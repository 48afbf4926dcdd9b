"""The `stowage` command, `python -m stowage` as well."""

import sys


def main() -> None:
    """Runs the command; Ctrl-C while it is being loaded, half a second, ends it without a word too."""
    try:
        from stowage.cli.main import app
    except KeyboardInterrupt:
        sys.exit(130)
    app()


if __name__ == "__main__":
    main()
