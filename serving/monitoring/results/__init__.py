"""Results of local days over HTTP: models, day states, rejections, metrics, profiles, drift, performance.

- `days`: ranges of local days as query parameters
- `endpoints`: routes
- `naming`: names of features in the lake and on the API
- `profiles`: profiles as JSON
- `schemas`: responses
- `service`: reads results page by page
"""
