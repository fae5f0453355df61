"""The thin client of linkd: one request a command, nothing imported that is not needed."""

__version__ = "0.1.0"
