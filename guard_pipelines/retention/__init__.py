"""What is deleted each night."""
