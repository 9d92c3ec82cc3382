"""The timeline of a customer: everything that happened, in time order, never changed afterwards."""
