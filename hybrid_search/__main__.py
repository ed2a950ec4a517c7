"""`python -m hybrid_search` is `hybrid-search`."""

from hybrid_search.cli import main

if __name__ == "__main__":
    main()
