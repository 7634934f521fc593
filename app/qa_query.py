"""The QA sample of closed cases: one function a query, its SQL right above it."""

from __future__ import annotations

from dataclasses import dataclass

from app import rows
from app.database import PerEngine, Transaction
from app.models import QaResult

SELECT_QA_WAITING = PerEngine(
    sqlserver="""
SELECT * FROM cases
WHERE status = N'Closed' AND qa_bucket = 0 AND qa_result = N''
ORDER BY closed_at, case_id
OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
""",
    sqlite="""
SELECT * FROM cases
WHERE status = 'Closed' AND qa_bucket = 0 AND qa_result = ''
ORDER BY closed_at, case_id
LIMIT ?
""",
)


def qa_waiting(tx: Transaction, limit: int) -> rows.Cases:
    """Return closed cases of the sample that nobody has reviewed, those closed first at the top."""
    return rows.Cases(tx.stream(SELECT_QA_WAITING, (limit,)))


SELECT_QA_REVIEWED = PerEngine(
    sqlserver="""
SELECT * FROM cases
WHERE qa_result <> N''
ORDER BY qa_at DESC, case_id DESC
OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
""",
    sqlite="""
SELECT * FROM cases
WHERE qa_result <> ''
ORDER BY qa_at DESC, case_id DESC
LIMIT ?
""",
)


def qa_reviewed(tx: Transaction, limit: int) -> rows.Cases:
    """Return reviewed cases, the newest verdict at the top."""
    return rows.Cases(tx.stream(SELECT_QA_REVIEWED, (limit,)))


@dataclass(frozen=True, slots=True)
class QaCounts:
    """The sample of closed cases in numbers."""

    waiting: int
    passed: int
    failed: int


COUNT_QA_WAITING = "SELECT COUNT(*) FROM cases WHERE status = 'Closed' AND qa_bucket = 0 AND qa_result = ''"
COUNT_QA_RESULTS = "SELECT qa_result, COUNT(*) AS cases FROM cases WHERE qa_result <> '' GROUP BY qa_result"


def qa_counts(tx: Transaction) -> QaCounts:
    """Count the sample: what waits for review, and the verdicts."""
    results = {row["qa_result"]: int(row["cases"]) for row in tx.fetch_all(COUNT_QA_RESULTS)}
    return QaCounts(
        waiting=int(tx.fetch_val(COUNT_QA_WAITING)),
        passed=results.get(QaResult.PASS.value, 0),
        failed=results.get(QaResult.FAIL.value, 0),
    )
