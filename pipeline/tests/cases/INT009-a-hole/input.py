"""See expected.txt."""


def later(roots, request):
    stamps = {name: getattr(request, name) + 3 * roots.S for name in ("sent_ns", "headers_ns", "done_ns")}
    chunks = [request.chunk_ns[0] + 3 * roots.S, *request.chunk_ns[1:]]
    return roots.replace(request, chunk_ns=chunks, **stamps)


def build(root, roots):
    roots.change_requests(
        root,
        roots.CLAIM,
        lambda found: found.__setitem__(slice(2, None), [later(roots, r) for r in found[2:]]),
    )
