"""How a file becomes passages: durable jobs on DBOS that survive whatever ends a process."""
