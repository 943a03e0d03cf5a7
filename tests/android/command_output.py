"""What a command printed, taken apart."""


def cells(line):
    return [cell.strip() for cell in line.split("|")[1:-1]]


def is_told(status, out, error, *parts):
    """In one line, without anything else."""
    assert (status, out) == (1, ""), error
    assert error.startswith("error: ") and error.count("\n") == 1
    for part in parts:
        assert part in error
    return True
