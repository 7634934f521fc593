"""Which closed cases QA reviews: a deterministic tenth, the same in Python and in T-SQL."""

from __future__ import annotations

import struct

SAMPLE_BUCKET = 0
RULE = "ABS(CHECKSUM(case_id)) % 10 = 0"


def checksum(text: str) -> int:
    """Return SQL Server's CHECKSUM of an NVARCHAR in a BIN2 collation, as a signed 32-bit integer.

    h starts at 0; for each UTF-16 code unit, h = rotl32(h, 4) XOR unit.
    """
    h = 0
    units = text.encode("utf-16-le", "surrogatepass")
    for unit in struct.unpack(f"<{len(units) // 2}H", units):
        h = ((h << 4 | h >> 28) & 0xFFFFFFFF) ^ unit
    return h - (1 << 32) if h & 0x80000000 else h


def qa_bucket(case_id: str) -> int:
    """Return 0 to 9. T-SQL: ABS(CHECKSUM(case_id) % 10); the remainder takes the sign of h, so ABS cannot overflow."""
    return abs(checksum(case_id)) % 10


def is_sampled(bucket: int) -> bool:
    """Tell whether a bucket is in the sample: bucket 0 is."""
    return bucket == SAMPLE_BUCKET
