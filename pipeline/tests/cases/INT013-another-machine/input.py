"""See expected.txt."""


def build(root, roots):
    machine = roots.windows.Machine(cpu="Another", cores=64, kernel="6.1", python="3.11.7", affinity=[0, 1])
    roots.change_header(root, roots.CLAIM, machine=machine)
