"""What both sides agree on: OpenLineage's events and facets, and the names of datasets. Pure."""
