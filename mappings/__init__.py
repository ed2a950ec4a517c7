"""The mapping as a Kibana user would PUT it: JSON files, shipped as package data."""
