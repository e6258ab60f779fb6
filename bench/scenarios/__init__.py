"""One module a scenario: ``run(Parameters) -> dict`` of results."""
