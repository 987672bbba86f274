"""The scans of the figures are read from PostgreSQL's plan."""

from bench.figures.timing import scans_of

PLAN = """\
Aggregate  (cost=1.0..2.0 rows=1 width=8)
  ->  Parallel Seq Scan on conversations_conversation c  (cost=0.0..1.0 rows=1 width=8)
  ->  Index Only Scan using scores_by_time on analytics_surveyanswer a  (cost=0.0..1.0)
  ->  Index Scan Backward using conversations_pkey on conversations_conversation  (cost=0.0..1.0)
  ->  Bitmap Heap Scan on conversations_conversation  (cost=0.0..1.0)
        ->  Bitmap Index Scan on closed_by_time  (cost=0.0..1.0)
  ->  Index Scan using conversations_project_pkey on conversations_project  (cost=0.0..1.0)
  ->  Seq Scan on conversations_project  (cost=0.0..1.0)
"""


def test_only_scans_of_large_tables_are_named() -> None:
    assert list(scans_of(PLAN)) == [
        "Seq Scan of conversations_conversation",
        "Index Only Scan of scores_by_time",
        "Index Scan of conversations_pkey",
        "Bitmap Index Scan of closed_by_time",
    ]
