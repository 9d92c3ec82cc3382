"""What the command line says instead of a traceback."""


class StackError(Exception):
    """The stack cannot do what was asked; the message is for the person who asked."""
