"""The static site: pages and data files from a repository and its rows. Measures and ranks nothing."""

from fairlead.publish.site import BuildReport, SiteError, build_site, serve_site

__all__ = ["BuildReport", "SiteError", "build_site", "serve_site"]
