"""What devices reported: fixes in daily partitions, the quarantine, the tracker's checkpoint."""
