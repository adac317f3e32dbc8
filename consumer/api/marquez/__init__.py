"""The read API of Marquez, at `/api/v1`: its web UI and its clients work on Headwater's graph as they are."""
