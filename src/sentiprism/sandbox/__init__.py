"""Child processes: started in one way, limited where what they read is untrusted, and ended with their parent."""
