"""Access control: open on loopback, or by keys, tokens of an identity provider, or a load balancer."""
