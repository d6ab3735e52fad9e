"""What a shell completes: the names that a root holds, looked up cheaply. Knows no command's work.

Nothing is checked: a file that cannot be read completes to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands, options, and the names that the root holds."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None  # click has these three
    program = context.find_root()
    click.echo(found(program.command, {}, "fairlead", "_FAIRLEAD_COMPLETE").source())


def _completes(names: Callable[[Path], Iterable[str]]) -> Complete:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        from fairlead.cli.common import find_root

        try:
            root = find_root(context.params.get("root_option"))
            return sorted({name for name in names(root) if name.startswith(incomplete)})
        except (click.UsageError, OSError):
            return []

    return complete


def _providers(root: Path) -> Iterable[str]:
    return (path.stem for path in (root / "providers").glob("*.yaml"))


def _submissions(root: Path) -> Iterable[str]:
    folders = (path.parent for path in (root / "submissions").glob("*/*/registration.yaml"))
    return (f"{folder.parent.name}/{folder.name}" for folder in folders)


def _proposals(root: Path) -> Iterable[str]:
    return (path.parent.name for path in (root / "methodology/proposals").glob("*/proposal.md"))


def _models(root: Path) -> Iterable[str]:
    return _ids(root / "methodology/models.yaml", "models")


def _vantages(root: Path) -> Iterable[str]:
    return _ids(root / "methodology/vantages.yaml", "vantages")


def _scenarios(root: Path) -> Iterable[str]:
    files = (root / "methodology/versions").glob("*/methodology.yaml")
    return (name for file in files for name in _ids(file, "scenarios"))


def _ids(file: Path, key: str) -> list[str]:
    from fairlead.documents import MAX_BYTES, Unreadable, parse, read_bounded

    try:
        document, _ = parse(read_bounded(file, MAX_BYTES), file.name)
    except Unreadable:
        return []
    data: Any = document.data if document is not None else None
    entries = data.get(key) if isinstance(data, dict) else None
    found = [entry.get("id") for entry in entries or () if isinstance(entry, dict)]
    return [name for name in found if isinstance(name, str)]


def complete_dialect(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The APIs that are spoken."""
    from fairlead.measure.dialects import DIALECTS

    return [name for name in DIALECTS if name.startswith(incomplete)]


complete_provider = _completes(_providers)
complete_submission = _completes(_submissions)
complete_proposal = _completes(_proposals)
complete_model = _completes(_models)
complete_vantage = _completes(_vantages)
complete_scenario = _completes(_scenarios)
