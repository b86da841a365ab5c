"""compress_ext beside a plain copy, a float step and its peers. ``python benchmarks/run.py --help`` teaches."""
