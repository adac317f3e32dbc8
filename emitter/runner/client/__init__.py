"""Events of a live run through OpenLineage's client, to whatever transport it is configured with."""
