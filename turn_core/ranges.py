"""Checks of settings: a value outside its range is refused with one sentence that names both."""

from turn_core.errors import ConfigError


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise ConfigError unless `value` is from `low` to `high`."""
    if not low <= value <= high:
        raise ConfigError(f"{name} must be from {low} to {high}, got {value}")


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Raise ConfigError unless `value` is one of `choices`."""
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(map(str, choices))}, got {value!r}")
