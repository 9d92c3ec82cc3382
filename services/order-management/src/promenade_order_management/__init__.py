"""Order Management: what was ordered and where it is."""
