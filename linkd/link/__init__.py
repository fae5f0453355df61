"""Stage and graft: the only way that anything gets into an environment."""
