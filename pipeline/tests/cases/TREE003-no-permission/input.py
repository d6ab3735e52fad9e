"""Permissions cannot be taken from root, so the refusal is made up."""

import os


def build(root, roots):
    pass


def patch(monkeypatch):
    real = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("acme.yaml"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
