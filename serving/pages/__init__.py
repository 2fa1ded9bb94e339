"""What people see: pages rendered on the server from the same services as the JSON routes.

A page holds no logic of its own: each number on it is in the response of a documented route. Charts are drawn by `ml.charts`.

- `addresses`: addresses of the pages
- `assets`: style sheets and scripts, served under names that contain their hash
- `formats`: numbers, days and instants as people read them
- `markdown`: model cards and data cards as HTML
- `models`: pages of one model
- `overview`: the first page
- `rendering`: templates to responses, the navigation and the caller on each page
- `routers`: the routers of all pages
- `routing`: routes with a session in place of a key, and errors as pages
- `sessions`: signing in and out
"""
