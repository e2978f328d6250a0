"""How turn-mini is made: supervised on Tiny-ImageNet and distilled from DeiT-Tiny."""
