"""See expected.txt."""

from fairlead.checks import providers


def build(root, roots):
    pass


def patch(monkeypatch):
    def explode(*_):
        raise RuntimeError("an example")

    monkeypatch.setattr(providers, "_price_history", explode)
