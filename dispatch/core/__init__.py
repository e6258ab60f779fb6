"""Pure decisions of fleet tracking: no model, no clock, no I/O. Time is an argument."""
