"""What the gateway counts, for `/metrics` on the admin port."""

from __future__ import annotations

from prometheus_client import Counter

TOKEN_CACHE_HITS = Counter("promenade_gateway_token_cache_hits", "Tokens whose signature had been verified before")
TOKEN_CACHE_MISSES = Counter("promenade_gateway_token_cache_misses", "Tokens whose signature had to be verified")
