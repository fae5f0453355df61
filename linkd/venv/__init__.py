"""Environments: probing, reading and creating them."""
