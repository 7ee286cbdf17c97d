"""Messages that cross services. One JSON example of each lies in tests/contracts, parsed by Python and JS."""
