"""The tools of an assistant: the query layer over the Model Context Protocol."""
