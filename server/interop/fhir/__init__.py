"""FHIR R4 (US Core 6.1 to 9, Synthea) at the edge.

`reader` turns bytes into resources, `translate` turns a resource into frozen rows. Both are pure: they see no
database, no clock and no network, and follow no address found in a file.
"""
