"""The token bucket as it runs inside Redis, on its clock, so that any number of gateways share one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promenade_gateway.limits import MICROSECONDS, Bucket

# A bucket is one number: the time at which it will be full again. It is `burst * interval` away when the bucket is
# empty and each request moves it one interval on. Several buckets are drawn from all at once or not at all. One run
# serves many requests, one after the other: each tells how many of the keys are its own.
# Answer, for each request: allowed (1/0), then for each of its buckets tokens left, microseconds to the next token,
# microseconds to full.
SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local answer, said, key, word = {}, 0, 1, 1
while word <= #ARGV do
  local count, allowed, full, interval, span = tonumber(ARGV[word]), 1, {}, {}, {}
  for i = 1, count do
    interval[i] = tonumber(ARGV[word + 2 * i - 1])
    span[i] = interval[i] * tonumber(ARGV[word + 2 * i])
    local at = tonumber(redis.call('GET', KEYS[key + i - 1]) or now)
    full[i] = math.min(math.max(at, now), now + span[i])
    if now + span[i] - full[i] < interval[i] then allowed = 0 end
  end
  said = said + 1
  answer[said] = allowed
  for i = 1, count do
    if allowed == 1 then
      full[i] = full[i] + interval[i]
      local life = math.ceil((full[i] - now) / 1000)
      redis.call('SET', KEYS[key + i - 1], string.format('%.0f', full[i]), 'PX', life)
    end
    local left = now + span[i] - full[i]
    answer[said + 1] = math.floor(left / interval[i])
    answer[said + 2] = math.max(0, interval[i] - left)
    answer[said + 3] = full[i] - now
    said = said + 3
  end
  key, word = key + count, word + 1 + 2 * count
end
return answer
"""


@dataclass(slots=True)
class Draw:
    """What drawing one token from each bucket gave; times in whole seconds, rounded up."""

    allowed: bool
    retry_after: int
    header: str


def script_arguments(draws: Sequence[Sequence[Bucket]]) -> list[str | int]:
    """Number of keys, keys and arguments, as EVAL takes them, for many requests at once."""
    keys = [bucket.key for buckets in draws for bucket in buckets]
    numbers: list[str | int] = []
    for buckets in draws:
        numbers.append(len(buckets))
        for bucket in buckets:
            numbers += (bucket.policy.interval, bucket.policy.burst)
    return [len(keys), *keys, *numbers]


def read_draws(draws: Sequence[Sequence[Bucket]], answer: Sequence[int]) -> list[Draw]:
    """The script's answer, cut into what each of the requests gets."""
    found: list[Draw] = []
    start = 0
    for buckets in draws:
        end = start + 1 + 3 * len(buckets)
        found.append(read_draw(buckets, answer[start:end]))
        start = end
    return found


def read_draw(buckets: Sequence[Bucket], answer: Sequence[int]) -> Draw:
    """What one request gets, with the value of the `RateLimit` header."""
    if len(buckets) == 1:  # nearly always
        allowed, left, to_next, to_full = answer
        header = f'"{buckets[0].policy.name}";r={left};t={_seconds(to_full)}'
        return Draw(bool(allowed), max(1, _seconds(to_next)) if left < 1 else 1, header)
    items: list[str] = []
    wait = 0
    for place, bucket in enumerate(buckets):
        left, to_next, to_full = answer[1 + 3 * place : 4 + 3 * place]
        items.append(f'"{bucket.policy.name}";r={left};t={_seconds(to_full)}')
        if left < 1:
            wait = max(wait, to_next)
    return Draw(bool(answer[0]), max(1, _seconds(wait)), ", ".join(items))


def _seconds(microseconds: int) -> int:
    return -(-microseconds // MICROSECONDS)
