"""Edges and notes that lead from names and jobs to their history."""
