"""What is done about an alert: decided, planned, run, verified, and taken back."""
