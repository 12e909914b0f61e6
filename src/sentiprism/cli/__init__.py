"""The command line, with one file per group of commands; heavy imports happen inside commands."""
