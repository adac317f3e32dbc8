"""Who may do what: nobody is asked on loopback, or there are keys, tokens of an identity provider, a load balancer."""
