"""Customers: whom the company deals with, from the first lead on."""
