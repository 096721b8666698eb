"""Who people are, and what they do: acknowledge, silence, approve, run by hand."""
