"""A search: the proposals, the jobs, the loop that everyone can read aloud."""
