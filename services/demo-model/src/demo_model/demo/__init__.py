"""What the demo model understands and says. Rules, no language model, and it says so. Pure."""
