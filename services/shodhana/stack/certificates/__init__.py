"""Two authorities of a stack's own: one for the edge, which clients trust, one for the mesh, which services trust."""
