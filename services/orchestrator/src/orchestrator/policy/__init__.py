"""What a proposed call needs before it runs. Pure: no I/O."""
