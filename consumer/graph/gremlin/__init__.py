"""The Gremlin store: Neptune, or any TinkerPop 3.7 server. Only this package imports gremlinpython."""
