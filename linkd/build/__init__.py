"""Sources to wheels, through the hooks of PEP 517 and 660."""
