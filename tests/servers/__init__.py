"""Storage servers for tests, on loopback, each started when a test first asks for it (see `fixtures`)."""
