"""The answer of each endpoint: from the graph and a request to a document."""
