"""The one-machine stack: all of Promenade as child processes of one supervisor, and its command line."""
