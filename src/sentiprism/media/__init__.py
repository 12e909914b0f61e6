"""Recordings: probing, decoding, speech recognition, alignment."""
