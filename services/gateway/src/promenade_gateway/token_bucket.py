"""The token bucket as it runs inside Redis, on its clock, so that any number of gateways share one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promenade_gateway.limits import MICROSECONDS, Bucket

# A bucket is one number: the time at which it will be full again. It is `burst * interval` away when the bucket is
# empty and each request moves it one interval on. Several buckets are drawn from all at once or not at all.
# Answer: allowed (1/0), then for each bucket tokens left, microseconds to the next token, microseconds to full.
SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local full, allowed = {}, 1
for i, key in ipairs(KEYS) do
  local interval, span = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i - 1]) * tonumber(ARGV[2 * i])
  local at = tonumber(redis.call('GET', key) or now)
  full[i] = math.min(math.max(at, now), now + span)
  if now + span - full[i] < interval then allowed = 0 end
end
local answer = {allowed}
for i, key in ipairs(KEYS) do
  local interval, span = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i - 1]) * tonumber(ARGV[2 * i])
  if allowed == 1 then
    full[i] = full[i] + interval
    redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
  end
  local left = now + span - full[i]
  answer[#answer + 1] = math.floor(left / interval)
  answer[#answer + 1] = math.max(0, interval - left)
  answer[#answer + 1] = full[i] - now
end
return answer
"""


@dataclass(frozen=True, slots=True)
class Draw:
    """What drawing one token from each bucket gave; times in whole seconds, rounded up."""

    allowed: bool
    retry_after: int
    header: str


def script_arguments(buckets: Sequence[Bucket]) -> list[str | int]:
    """Number of keys, keys and arguments, as EVAL takes them."""
    keys = [bucket.key for bucket in buckets]
    numbers = [number for bucket in buckets for number in (bucket.policy.interval, bucket.policy.burst)]
    return [len(keys), *keys, *numbers]


def read_draw(buckets: Sequence[Bucket], answer: Sequence[int]) -> Draw:
    """The script's answer, with the value of the `RateLimit` header."""
    rows = [answer[1 + 3 * i : 4 + 3 * i] for i in range(len(buckets))]
    items = [
        f'"{bucket.policy.name}";r={left};t={_seconds(to_full)}'
        for bucket, (left, _, to_full) in zip(buckets, rows, strict=True)
    ]
    waits = [to_next for left, to_next, _ in rows if left < 1]
    return Draw(bool(answer[0]), max(1, _seconds(max(waits, default=0))), ", ".join(items))


def _seconds(microseconds: int) -> int:
    return -(-microseconds // MICROSECONDS)
