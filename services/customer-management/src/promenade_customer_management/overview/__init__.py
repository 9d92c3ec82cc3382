"""What is known about one customer, across the contexts."""
