"""`python -m amira_training`."""

from __future__ import annotations

from amira_training.cli import main

if __name__ == "__main__":
    main()
