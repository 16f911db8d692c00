"""The agent's jar and the plugin's sources. `uwsgi-sentry build` makes the plugin for the uWSGI that is installed here."""
