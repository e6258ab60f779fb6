"""From a device's message to a durable, judged fix: authentication, decoding, group commit, answers."""
