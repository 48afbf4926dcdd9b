"""`python -m stowage` is the `stowage` command."""

from stowage.cli.main import app

if __name__ == "__main__":
    app()
