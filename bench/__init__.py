"""Benchmarks: `python -m bench`. Each prints ratios measured side by side in one run, never a bare time to boast of."""
