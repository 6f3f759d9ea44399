"""What must survive: tables, and every write transaction as a function.

`database` opens transactions, `tables` says what is stored, `requests`, `steps`, `outbox` and `people` write,
`reads` answers questions with the plain records of `records`. A write function takes the session of one transaction
and plain data, never nests another transaction, and never calls anything remote.
"""
