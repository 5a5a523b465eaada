"""Runs the command line: ``python -m jiaozi_node``."""

from jiaozi_node.cli.entry import entry

if __name__ == "__main__":
    entry()
