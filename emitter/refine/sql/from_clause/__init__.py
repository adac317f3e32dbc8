"""Items of FROM: tables, subqueries, pivots, recognized patterns."""
