"""The side-by-side comparison that scripts/bench.sh runs."""
