"""Requirements to pinned wheels."""
