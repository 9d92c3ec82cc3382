"""The timeline: every change of an order, with who and why. Nothing is ever changed or deleted in it."""
