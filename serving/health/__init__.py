"""Whether the server is alive, ready, well: for load balancers and people in a hurry."""
