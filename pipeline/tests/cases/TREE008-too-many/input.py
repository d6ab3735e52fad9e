"""See expected.txt."""

from fairlead.repository import places


def build(root, roots):
    pass


def patch(monkeypatch):
    monkeypatch.setattr(places, "MAX_ENTRIES", 30)
