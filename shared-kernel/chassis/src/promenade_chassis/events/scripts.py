"""What runs inside Redis, each on the key of one stream: these have to be one step, or they would be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promenade_chassis.events.redis_link import RedisLink, Script
from promenade_chassis.events.stream_ids import NOTHING, StreamId

_FOUND = """
local found = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then found = info[i + 1] end
  end
end
"""

_APPEND = Script(
    _FOUND
    + """
local remembered, floor = ARGV[1], ARGV[2]
if found ~= remembered then
  local kept = remembered == '0-0' or #redis.call('XRANGE', KEYS[1], remembered, remembered) > 0
  return {found, kept and 1 or 0}
end
if #ARGV < 3 then return {found, 1} end
local id = '*'
local milliseconds, number = string.match(floor, '(%d+)-(%d+)')
local time = redis.call('TIME')
if tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) <= tonumber(milliseconds) then
  id = milliseconds .. '-' .. string.format('%.0f', tonumber(number) + 1)
end
local first = redis.call('XADD', KEYS[1], id, 'e', ARGV[3])
local next = string.match(first, '%d+') .. '-*'
for i = 4, #ARGV do redis.call('XADD', KEYS[1], next, 'e', ARGV[i]) end
return {found, 1, first}
"""
)

_SURVEY = Script(
    _FOUND
    + """
local answer = {found}
if redis.call('EXISTS', KEYS[1]) == 0 then return answer end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local fields = {}
  for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
  local oldest = ''
  if fields['pending'] > 0 then oldest = redis.call('XPENDING', KEYS[1], fields['name'])[2] end
  answer[#answer + 1] = fields['name']
  answer[#answer + 1] = fields['last-delivered-id']
  answer[#answer + 1] = oldest
end
return answer
"""
)

_DISMISS = Script("""
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then return 0 end
local dismissed = 0
for _, consumer in ipairs(consumers) do
  local fields = {}
  for i = 1, #consumer, 2 do fields[consumer[i]] = consumer[i + 1] end
  local chosen = fields['name'] == ARGV[2] or (ARGV[2] == '' and fields['idle'] >= tonumber(ARGV[3]))
  if chosen and fields['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], fields['name'])
    dismissed = dismissed + 1
  end
end
return dismissed
""")


@dataclass(frozen=True, slots=True)
class Appended:
    """What the stream answered.

    Attributes:
        found: its last-generated-id before.
        kept: whether the entry of the remembered id was still there.
        first: the id of the first entry appended; None when `found` was not the remembered id.
        count: how many were appended, under ids that follow each other within one millisecond.
    """

    found: StreamId
    kept: bool
    first: StreamId | None = None
    count: int = 0

    @property
    def ids(self) -> tuple[StreamId, ...]:
        """The ids of the entries appended."""
        return tuple(self.first.plus(each) for each in range(self.count)) if self.first else ()


async def append(
    link: RedisLink, stream: str, remembered: StreamId, envelopes: Sequence[bytes], *, floor: StreamId = NOTHING
) -> Appended:
    """Append in order if the stream's last-generated-id is the remembered one; else append nothing.

    New ids are above `floor` even when the server's clock is behind it. Without envelopes it only compares.
    """
    above = floor if floor > remembered else NOTHING
    found, kept, *first = await _APPEND.run(link, stream, str(remembered), str(above), *envelopes)
    if not first:
        return Appended(StreamId.parse(found), bool(kept))
    return Appended(StreamId.parse(found), bool(kept), StreamId.parse(first[0]), len(envelopes))


@dataclass(frozen=True, slots=True)
class Survey:
    """A stream's last-generated-id, and for each group the id up to which it has acknowledged everything."""

    found: StreamId
    acknowledged: dict[str, StreamId]


async def survey(link: RedisLink, stream: str) -> Survey:
    """Look at a stream and its groups in one step."""
    found, *rest = await _SURVEY.run(link, stream)
    groups = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    return Survey(
        StreamId.parse(found),
        {
            name.decode(): StreamId.parse(oldest).before() if oldest else StreamId.parse(delivered)
            for name, delivered, oldest in groups
        },
    )


async def dismiss_consumer(link: RedisLink, stream: str, group: str, name: str) -> int:
    """Delete a consumer if nothing is pending for it."""
    return await _DISMISS.run(link, stream, group, name, 0)


async def dismiss_idle_consumers(link: RedisLink, stream: str, group: str, idle_seconds: int) -> int:
    """Delete the consumers unheard of for so long for which nothing is pending; answers how many."""
    return await _DISMISS.run(link, stream, group, "", idle_seconds * 1000)
