"""``python -m shipset``."""

from shipset.cli import main

if __name__ == "__main__":
    main()
