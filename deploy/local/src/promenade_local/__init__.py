"""The one-machine stack and its command line, `promenade`."""
