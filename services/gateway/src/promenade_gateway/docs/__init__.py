"""The pages that people read: `/docs` with everything it loads, `/events`, `/asyncapi.yaml`."""
