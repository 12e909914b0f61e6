"""Serve a saved model over HTTP: predictions of features, analyses of recordings, jobs."""
