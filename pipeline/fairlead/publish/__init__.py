"""The static site: pages and data files from a repository and its rows. Measures and ranks nothing."""

from fairlead.publish.generator import SiteError
from fairlead.publish.live import LiveSite, follow, look_at
from fairlead.publish.serving import Bulletin, running_site
from fairlead.publish.site import BuildReport, build_site, raw_files_at_rest, shipped_source

__all__ = [
    "BuildReport",
    "Bulletin",
    "LiveSite",
    "SiteError",
    "build_site",
    "follow",
    "look_at",
    "raw_files_at_rest",
    "running_site",
    "shipped_source",
]
