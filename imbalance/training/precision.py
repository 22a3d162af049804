"""Which numbers the layers compute in."""

import tensorflow as tf

# Below this compute capability a GPU has no fast float16 matrix product.
_CAPABLE = (7, 0)


def resolve(setting: str) -> str:
    """Return the dtype policy: ``auto`` is mixed_float16 where every GPU is fast at it.

    Args:
        setting: ``auto``, ``float32``, ``mixed_float16`` or ``mixed_bfloat16``.
    """
    if setting != "auto":
        return setting
    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in devices]
    capable = [each.get("compute_capability", (0, 0)) >= _CAPABLE for each in details]
    return "mixed_float16" if capable and all(capable) else "float32"
