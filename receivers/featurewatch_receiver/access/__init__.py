"""Who may deliver, read and act: tokens and users."""
