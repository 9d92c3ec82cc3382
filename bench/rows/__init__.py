"""All rows, in the order of the table."""

from measure import Row

from rows import (
    cash_flow,
    consume,
    gateways,
    id_making,
    memory_bus,
    outbox_write,
    relay,
    services,
    streams,
    tokens,
    uuids,
)

ROWS: list[Row] = [
    *memory_bus.ROWS,
    *streams.ROWS,
    *outbox_write.ROWS,
    *relay.ROWS,
    *consume.ROWS,
    *uuids.ROWS,
    *id_making.ROWS,
    *tokens.ROWS,
    *gateways.ROWS,
    *services.ROWS,
    *cash_flow.ROWS,
]
