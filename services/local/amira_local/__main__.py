"""Entry point: `python -m amira_local`, the same as `amira`."""

from amira_local.cli import app

if __name__ == "__main__":
    app()
