"""Colored triangle meshes of people: the density's surface, with colors baked from super-resolved views."""
