"""The process: each step of an order's cash flow, read from the order and its timeline."""
