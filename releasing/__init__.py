"""Makes a release: checks, a wheel of celery_sqs_fifo, an SBOM, a list of licences, and a tag."""
