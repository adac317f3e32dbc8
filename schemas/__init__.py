"""The common ground of emitter and consumer: OpenLineage's events and facets, and the names of datasets. Pure."""
