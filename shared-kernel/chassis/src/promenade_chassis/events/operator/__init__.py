"""What operators ask of the event backbone, and tell it. Answers are structs; nothing is printed here.

Every function works on one context's database or on the one Redis; whoever presents it asks all of them.
"""
