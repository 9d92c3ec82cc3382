"""Customer Management: whom the company deals with and what might be sold."""
