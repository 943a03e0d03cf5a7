"""Documents of results as a phone sends them, for tests."""

import hashlib

import numpy as np


def make_result(data=b"model", samples=(1.0, 2.0, 3.0), **other):
    """One result; what is given replaces what it has otherwise."""
    ms = np.array(samples, float)
    p5, median, p95 = np.percentile(ms, (5, 50, 95))
    return {
        "name": "int8.tflite, cpu, 4 thread(s)",
        "latency_metrics": {
            "avg_ms": ms.mean(),
            "min_ms": ms.min(),
            "max_ms": ms.max(),
            "stddev_ms": ms.std(),
            "median_ms": median,
            "p5_ms": p5,
            "p95_ms": p95,
            "init_ms": 40.0,
            "first_inference_ms": 6.0,
        },
        "memory_metrics": {"overall_footprint_kb": 9216},
        "misc_metrics": {"num_runs": ms.size, "num_warmup_runs": 2},
        "file": "int8.tflite",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "num_threads": 4,
        "accelerator": "cpu",
        "tool": "app",
        "process": "foreground app",
        "runtime": "LiteRT 2.3.2",
        "build": "release",
        **{"nodes": 599, "delegated": 599, "partitions": 1},
        "samples_ms": ms.tolist(),
        "thermal": {
            **{"headroom_before": 0.5, "headroom_after": 0.6},
            **{"status_before": 0, "status_after": 0},
            "samples": [{"at_s": 0.0, "headroom": 0.5}],
            "waited_s": 0,
        },
        "self_test": {
            **{"verdict": "identical", "expected": "identical"},
            "passed": True,
            "outputs": {"probabilities": {"verdict": "identical"}},
        },
        **{"repeat": 0, "warnings": []},
        **other,
    }


def make_document(results=None, **machine):
    """A phone's document; what is given replaces facts of the phone."""
    return {
        "schema_version": 1,
        "machine": {
            **{"kind": "phone", "manufacturer": "Google", "model": "Pixel 9"},
            **{"soc": "Tensor G4", "android": "16", "sdk": 36},
            **{"abi": "arm64-v8a", "cores": 8},
            "max_frequencies_khz": [1920000] * 4 + [3105000],
            "versions": {"app": "0.2.0", "litert": "2.3.2"},
            **machine,
        },
        "results": [make_result()] if results is None else results,
    }
