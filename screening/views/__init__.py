"""The public pages. None needs JavaScript; each keeps what it was told before it shows the next one."""
