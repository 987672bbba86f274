"""The benchmarks. Each is a command that measures and writes its own page in docs/."""
