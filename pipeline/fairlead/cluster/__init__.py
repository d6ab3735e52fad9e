"""Several machines as one: what measures on each, what holds them together, and the engine that joins
them.

Only :mod:`fairlead.cluster.rays` knows the engine. Whatever is asked of a node goes over a :class:`Link`,
behind which may stand a node of a cluster as well as a thread of this process.
"""

from fairlead.cluster.crew import ClusterError, Crew, Link, NodeLostError

__all__ = ["ClusterError", "Crew", "Link", "NodeLostError"]
