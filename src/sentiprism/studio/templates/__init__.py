"""Templates of the studio's pages."""
