"""Records: where they come from, what is done with them, and where they go."""
