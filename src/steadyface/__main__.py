"""`python -m steadyface`: the command where its script is not on the path."""

from steadyface.cli.main import main

if __name__ == "__main__":
    main()
