"""`python -m pyredisai`: the same as the command pyredisai-server."""

from pyredisai.cli import main

if __name__ == "__main__":
    main()
