"""Parts of the codec of facts: texts of a structure and its stamps, and those of format 1."""
