"""A raw file was edited and sealed again in the change that archives it."""

BASE = "HEAD"

ALSO = {"HIS005"}


def build(root, roots):
    roots.commit(root)
    roots.change_request(root, roots.ROUNDS, 1, provider_request_id="edited")
    roots.archive_folder(root, roots.ROUNDS)
