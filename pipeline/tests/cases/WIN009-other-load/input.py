"""See expected.txt."""

import msgspec


def build(root, roots):
    load = msgspec.structs.replace(roots.make_header().load, concurrency=3)
    roots.change_header(root, roots.ROUNDS, load=load)
