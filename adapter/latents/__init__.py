"""What can be done with latents: walks between people, named edits, and back from an image."""
