"""Traces and metrics for OpenTelemetry. What is here to be called by everybody costs one `if` while it is off.

The SDK is imported by `otlp` and `metrics_export` alone, and these only by `start`, when an endpoint is configured.
"""
