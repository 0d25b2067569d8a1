"""What a stream needs to go on at another replica: logs of what was sent, and links that replay them."""
