"""What each local day has received and how far each stage has processed it."""
