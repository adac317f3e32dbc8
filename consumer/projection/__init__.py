"""From facts to the graph, in the order of graph_writer.py: facts first, then what follows from them."""
