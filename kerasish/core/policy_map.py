"""DTypePolicyMap: different dtype policies for different layers, chosen by their paths."""

import re
from collections.abc import Iterator, MutableMapping

from kerasish.core.dtypes import DTypePolicy, get_policy
from kerasish.core.registry import deserialize_keras_object, serialize_keras_object


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """A dtype policy that depends on the layer: a dict from layer paths, or patterns of them, to policies.

    Args:
        default_policy: policy of layers that no key matches; None: the global policy.
        policy_map: dict from path or regular expression (which must match the whole path) to policy.

    Raises:
        ValueError: if `default_policy` is itself a map.
        TypeError: if `policy_map` is no dict.

    Example:
        >>> policies = DTypePolicyMap("float32", {"encoder/.*": "bfloat16"})
        >>> policies["encoder/dense"].name
        'bfloat16'
    """

    def __init__(
        self, default_policy: DTypePolicy | str | None = None, policy_map: dict[str, DTypePolicy | str] | None = None
    ) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("DTypePolicyMap: `default_policy` cannot be a DTypePolicyMap; pass a single policy.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(f"DTypePolicyMap: `policy_map` must be a dict, received {policy_map!r}.")
        self._default = None if default_policy is None else get_policy(default_policy)
        self._map: dict[str, DTypePolicy] = {}
        for path, policy in (policy_map or {}).items():
            self[path] = policy

    @property
    def name(self) -> str:
        """`map_` and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers that no key matches."""
        return get_policy(self._default)

    @property
    def compute_dtype(self) -> str:
        """The compute dtype of the default policy."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The variable dtype of the default policy."""
        return self.default_policy.variable_dtype

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._map:
            return self._map[key]
        matches = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(matches) > 1:
            raise ValueError(f"Path {key!r} matches several keys of the dtype policy map: {matches}. Keep one of them.")
        return self._map[matches[0]] if matches else self.default_policy

    def __setitem__(self, key: str, policy: DTypePolicy | str | dict) -> None:
        if key in self._map:
            raise ValueError(f"{key!r} already has policy {self._map[key]!r}; delete it before setting another.")
        if not isinstance(policy, (DTypePolicy, str, dict)):
            raise ValueError(f"DTypePolicyMap: expected a DTypePolicy for {key!r}, received {policy!r}.")
        self._map[key] = get_policy(policy)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and (self._default, self._map) == (other._default, other._map)

    def __hash__(self) -> int:
        return hash((self.name, tuple(self._map.items())))

    def __repr__(self) -> str:
        return f"<DTypePolicyMap default={self.default_policy!r} {self._map!r}>"

    def get_config(self) -> dict:
        """Return the arguments that make the same map again."""
        return {
            "default_policy": serialize_keras_object(self._default),
            "policy_map": {path: serialize_keras_object(policy) for path, policy in self._map.items()},
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "DTypePolicyMap":
        """Make a map from what `get_config` returned; `custom_objects` holds classes of policies by name."""
        default = config["default_policy"]
        policies = deserialize_keras_object(config["policy_map"], custom_objects)
        return cls(None if default is None else get_policy(default), policies)
