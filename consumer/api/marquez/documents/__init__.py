"""The graph's content as Marquez's documents."""
