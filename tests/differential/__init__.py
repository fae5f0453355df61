"""The same wheels installed by linkd, by pip and by uv: what lies there afterwards is compared."""
