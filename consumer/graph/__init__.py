"""Facts and views in a property graph: one port, an embedded store, and Gremlin (Neptune or any TinkerPop server)."""
