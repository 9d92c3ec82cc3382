"""What an operator does at the machine itself, for whom no route is there yet or needed any more."""
