"""Bytes from indexes, pages, folders and URLs."""
