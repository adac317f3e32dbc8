"""The pure core: what events say (facts), how facts join, and what lineage follows from them (views)."""
