#!/usr/bin/env python3
"""Writes scikit-learn's scanned digits to digits.safetensors, which `data: {type: digits}` reads.

1,797 images of 8 x 8 pixels (values 0 to 16) in ten classes, from the UCI repository, as they lie in the scikit-learn
package: nothing is downloaded. The split is fixed: 360 test images, stratified by class, drawn with seed 0.

The file holds `images` uint8 [1797, 8, 8], `targets` int64 [1797] and `split` uint8 [1797], 0 = train, 1 = test.
"""

import argparse
import os
import pathlib
import sys

TEST_IMAGES = 360
SPLIT_SEED = 0


def digits():
    # Imported here: this takes seconds, and most runs find the file already there.
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    rows = numpy.arange(len(data.target))
    _, test = train_test_split(rows, test_size=TEST_IMAGES, random_state=SPLIT_SEED, stratify=data.target)
    split = numpy.zeros(len(rows), dtype=numpy.uint8)
    split[test] = 1
    return {"images": data.images.astype(numpy.uint8), "targets": data.target.astype(numpy.int64), "split": split}


def write_atomically(tensors, path):
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.tmp{os.getpid()}")
    try:
        save_file(tensors, aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = pathlib.Path(__file__).resolve().parent.parent / "data" / "digits"
    parser.add_argument(
        "--output", type=pathlib.Path, default=default, help="folder to write to (default: %(default)s)"
    )
    path = parser.parse_args().output / "digits.safetensors"
    if path.exists():
        print(f"{path} is already there")
        return
    try:
        write_atomically(digits(), path)
    except ImportError as error:
        sys.exit(f"prepare_digits: {error}; run it with the Python of scripts/setup.sh: .venv/bin/python {sys.argv[0]}")
    except OSError as error:
        sys.exit(f"prepare_digits: {path} cannot be written: {error}")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
