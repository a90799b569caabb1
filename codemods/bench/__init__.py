"""Measures an application before and after its migration: real servers, a real load tool, the same requests in turn."""
