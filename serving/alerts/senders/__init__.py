"""One way of sending a file; `routes` knows which URL wants which. Errors never repeat a URL: it holds secrets."""
