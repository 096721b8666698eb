"""What happened, as it is read: episodes, notifications, and the figures about them."""
