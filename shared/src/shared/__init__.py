"""What every Steward service needs. It imports no service and no web framework."""
