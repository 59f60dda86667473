"""Every error text of AI commands, in one place. Facts: RedisAI 1.2's replies."""

from __future__ import annotations

KEY_IS_EMPTY_MODEL = "ERR model key is empty"
