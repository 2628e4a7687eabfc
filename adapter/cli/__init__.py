"""The command line: one module for each command, with ``add_parser`` and ``run``."""

COMMANDS = ("adapt", "benchmark", "convert", "directions", "edit", "evaluate", "invert", "library", "mesh", "walk")
