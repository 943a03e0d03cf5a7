"""What a run leaves in its folder, read without the code under test."""

import csv

import h5py


def read_rows(run):
    """Lines of the metrics of a run."""
    return list(csv.DictReader((run / "metrics.csv").read_text().split("\n")))


def read_weights(path):
    """Datasets of a weights file by name."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found
