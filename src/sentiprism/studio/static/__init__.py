"""Style sheet and scripts of the studio's pages."""
