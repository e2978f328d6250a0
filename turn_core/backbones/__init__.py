"""Pre-trained backbones: registry, loading, heads, precision, and the embedded turn-mini."""
