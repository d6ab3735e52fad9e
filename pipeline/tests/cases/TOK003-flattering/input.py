"""See expected.txt. One token more in the first chunk: the sum is right, the count is not."""


def build(root, roots):
    roots.count(root, roots.ROUNDS)

    def flatter(requests):
        stated = requests[2]
        first, *rest = stated.chunk_tokens
        tokens = roots.replace(stated.tokens, counted=stated.tokens.counted + 1)
        requests[2] = roots.replace(stated, tokens=tokens, chunk_tokens=[first + 1, *rest])

    roots.change_requests(root, roots.ROUNDS, flatter)


def recount(roots):
    return {roots.tokenizer().sha256: roots.tokenizer()}.get
