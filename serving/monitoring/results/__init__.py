"""What came of the events, over HTTP: models, news, rejections, metrics, profiles, drift."""
