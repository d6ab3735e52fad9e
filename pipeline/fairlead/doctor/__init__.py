"""A first look at an endpoint: a handful of requests, and what each answer means for a measurement.

:func:`look_at` sends them over the measuring transport, under its policy; :func:`findings` reads what came
back and is pure. Knows no root, no figure of a board and no command line; what a run costs is handed to it.
"""

from fairlead.doctor.findings import Costing, Finding, Level, endpoint_options, findings
from fairlead.doctor.looking import Look, Looked, look_at

__all__ = ["Costing", "Finding", "Level", "Look", "Looked", "endpoint_options", "findings", "look_at"]
