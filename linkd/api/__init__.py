"""The HTTP surface: routes, wire schema, problem documents, rendering."""
