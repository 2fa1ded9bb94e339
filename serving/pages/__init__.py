"""What people see: pages rendered on the server from the same services as the JSON routes.

A page holds no logic of its own: each number on it is in the response of a documented route. Charts are drawn by `ml.charts`.

- `addresses`: addresses of the pages
- `ask`: questions and research
- `assets`: style sheets and scripts, served under names that contain their hash
- `audit`: the ledger
- `costs`: calls of language models, budgets, costs, findings
- `evidence`: one id in, all that is known about it out
- `forms`: fields that the forms of several pages have
- `incidents`: all incidents, and one as a thread
- `markdown`: model cards and data cards as HTML
- `models`: pages of a model, its days and its features
- `overview`: the first page
- `rendering`: templates to responses, the navigation and the caller on each page
- `routers`: the routers of all pages
- `routing`: routes with a session in place of a key, and errors as pages
- `sessions`: signing in and out
- `settings`: projects, keys, alert routes, thresholds
- `system`: what waits and what has failed
"""
