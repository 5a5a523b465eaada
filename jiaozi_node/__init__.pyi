from jiaozi_node.api import *  # noqa: F403 - what __getattr__ gives, for type checkers

__version__: str
