"""What a project may set, a file for each section; `project` puts the sections together and lets a model override its project."""
