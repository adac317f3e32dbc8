"""What the graph has in the shapes of Marquez's documents."""
