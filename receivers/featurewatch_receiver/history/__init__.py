"""What happened, as it is stored and read: episodes, audit, and the figures about them."""
