"""The processes of `ml-guard up`: started, watched, stopped."""
