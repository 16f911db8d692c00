"""A mule that waits for messages and does nothing else."""

import uwsgi

while True:
    uwsgi.mule_get_msg()
