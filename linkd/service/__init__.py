"""One use case a module; what they need of the world is in ports."""
